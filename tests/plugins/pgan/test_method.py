import json
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from harness.boxes import Boxes
from harness.data.pictures import Pictures
from harness.errors import CheckpointError, DataError, UsageError
from harness.extraction.samples import BatchRequest, Samples
from harness.methods.batches import PK
from harness.methods.method import create, resolve_options
from harness.training.prepare import TrainingRequest, prepare
from plugins.pgan.method import PGAN
from plugins.pgan.parts import part_masks
from tests.plugins.eight import cmc_at_1, trained

VERI = {"vehicle": 576}
TINY = {
    "backbone": "resnet18",
    "weights": "none",
    "D": "3",
    "hidden": "8",
    "dimension": "16",
    "input_size": "64",
    "flip": "0",
    "erase": "0",
}
VARIANTS = ("baseline", "grid", "no-pam", "pgan")


def pgan(variant="", recipe="", **changes):
    return create(PGAN, resolve_options("pgan", PGAN, recipe=recipe, variant=variant, changes=changes))


def bare(method, classes=None):
    """The architecture without memory for its weights."""
    with torch.device("meta"):
        return method.architecture(classes or VERI)


RESNET50 = 23_508_032  # see test_strong_baseline
PAM = 2048 * 512 + 512 + 2 * 512 + 512 * 2048 + 2048  # see test_pgan_parts
REFINE = {(4096, 512): 7_042_048, (2048, 256): 1_763_840, (2048, 512): 2_579_200}  # see test_refine
NECK = 2 * 512 + 512 * 576
FUSED = RESNET50 + REFINE[4096, 512] + NECK


@pytest.mark.parametrize(
    ("variant", "changes", "expected"),
    [
        ("baseline", {}, RESNET50 + REFINE[2048, 512] + NECK),
        ("grid", {}, FUSED + PAM + 2 * REFINE[2048, 256]),
        ("no-pam", {}, FUSED + 2 * REFINE[2048, 256]),
        ("pgan", {}, FUSED + PAM + 2 * REFINE[2048, 256]),
        ("", {}, FUSED + PAM + 2 * REFINE[2048, 256]),
        ("", {"losses": "f"}, FUSED + PAM),
        ("", {"losses": "f+g"}, FUSED + PAM + REFINE[2048, 256]),
        ("", {"losses": "f+p"}, FUSED + PAM + REFINE[2048, 256]),
        ("", {"D": "4"}, FUSED + PAM + 2 * REFINE[2048, 256]),
    ],
)
def test_the_parameters_are_those_of_the_layer_list(variant, changes, expected):
    network = bare(pgan(variant, **changes))

    assert sum(tensor.numel() for tensor in network.parameters()) == expected


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("size", "side"), [(224, 14), (256, 16)])
def test_every_named_stage_has_its_papers_shape(variant, size, side):
    method, found = pgan(variant, input_size=str(size)), {}
    network = bare(method)
    for name, module in network.named_modules():
        module.register_forward_hook(lambda _layer, given, out, name=name: found.update({name: (*given[:1], out)}))
    boxes = [torch.empty(9, 6, device="meta")] * 2 if method.needs > {"vehicle"} else ()

    outputs = network.train()(torch.empty(2, 3, size, size, device="meta"), boxes)
    feature = network.eval()(torch.empty(2, 3, size, size, device="meta"), boxes)

    parts = side * side if variant == "grid" else 8
    expected = {"trunk": ((2, 3, size, size), (2, 2048, side, side)), "neck": ((2, 512), (2, 512))}
    if variant == "baseline":
        expected |= {"refine": ((2, 2048, side, side), (2, 512))}
    else:
        expected |= {
            "refine": ((2, 4096, side, side), (2, 512)),
            "refine.squeeze": ((2, 4096, side, side), (2, 4096, side, side)),
            "refine.block.conv1": ((2, 4096, side, side), (2, 128, side, side)),
            "refine.block": ((2, 4096, side, side), (2, 512, side, side)),
            "heads.g": ((2, 2048, side, side), (2, 256)),
            "heads.p": ((2, 2048, side, side), (2, 256)),
        }
    if variant in {"grid", "pgan"}:
        expected |= {
            "pam.squeeze": ((2, parts, 2048), (2, parts, 512)),
            "pam.norm": ((2, parts, 512), (2, parts, 512)),
            "pam.excite": ((2, parts, 512), (2, parts, 2048)),
            "pam": ((2, parts, 2048), (2, parts)),
        }
    assert {name: tuple(tuple(side.shape) for side in found[name]) for name in expected} == expected
    assert ("pam" in found) == (variant in {"grid", "pgan"})
    halves = {} if variant == "baseline" else {"g": (2, 256), "p": (2, 256)}
    shapes = {name: tuple(tensor.shape) for name, tensor in outputs.items()}
    assert shapes == {"f": (2, 512), **halves, "logits": (2, 576)}
    assert tuple(feature.shape) == (2, 512)


@pytest.mark.parametrize("width", ["256", "512"])
def test_the_global_and_the_part_feature_have_half_of_the_dimension(width):
    network = bare(pgan(dimension=width))
    outputs = network.train()(torch.empty(2, 3, 64, 64, device="meta"), [torch.empty(0, 6, device="meta")] * 2)

    assert [outputs[name].shape[1] for name in "fgp"] == [int(width), int(width) // 2, int(width) // 2]


def test_only_the_necks_bias_is_frozen():
    network = bare(pgan())

    assert [name for name, tensor in network.named_parameters() if not tensor.requires_grad] == ["neck.bias"]


def boxes_of(*counts, side=64):
    """As many boxes as asked for each image, at random."""
    random = np.random.default_rng(3)
    found = []
    for count in counts:
        low = random.uniform(0, side - 8, (count, 2))
        high = low + random.uniform(4, side - low)
        rows = np.column_stack([random.integers(1, 17, count), np.sort(random.random(count))[::-1], low, high])
        found.append(torch.tensor(rows, dtype=torch.float32).reshape(-1, 6))
    return found


def small(variant="", **changes):
    """A small network in evaluation mode, with its method; the attention is far from even."""
    torch.manual_seed(0)
    parts = {"D": "0"} if variant == "baseline" else {}
    method = pgan(variant, **{**TINY, "temperature": "200", **parts, **changes})
    method.model = method.network({"vehicle": 5}).eval()
    return method


@pytest.fixture(scope="module")
def method():
    """The whole method, small; tests leave it as it is."""
    return small()


@pytest.fixture(scope="module")
def images():
    return torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def test_the_feature_is_the_papers_equations_one_after_the_other(method, images):
    network, boxes = method.model, boxes_of(3, 4, 5, 3)
    with torch.no_grad():
        f_g = network.trunk(network.normalise(images))
        masks = part_masks(boxes, 3, (64, 64), (4, 4))
        f_i = masks[:, :, None] * f_g[:, None]  # equation 2: (n, D, C, h, w)
        pooled = f_i.sum((3, 4)) / masks.sum((2, 3))[:, :, None]
        w = network.pam(pooled).softmax(1)  # equation 4
        f_p = (w[:, :, None, None, None] * f_i).sum(1) + f_g  # equation 3
        f = network.refine(torch.cat((f_g, f_p), 1))
        f = (f - network.neck.running_mean) / (network.neck.running_var + 1e-5).sqrt() * network.neck.weight

        torch.testing.assert_close(method.embed(images, boxes_parts=boxes), f / f.norm(dim=1, keepdim=True))
        seen = network.parts(images, boxes)
        torch.testing.assert_close(seen.weights, w)
        torch.testing.assert_close(seen.heat, f_p.mean(1))
        assert torch.equal(seen.masks, masks)
    assert (w.amax(1) - w.amin(1)).min() > 0.01


def test_weights_are_positive_and_of_sum_one(method, images):
    weights = method.model.parts(images, boxes_of(3, 4, 5, 9)).weights

    assert weights.shape == (4, 3)
    assert (weights > 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(4))


def test_permuting_the_parts_permutes_their_weights_and_leaves_the_feature(method, images):
    boxes, order = boxes_of(3, 3, 3, 3), [2, 0, 1]
    moved = [rows[order] for rows in boxes]

    torch.testing.assert_close(
        method.model.parts(images, moved).weights, method.model.parts(images, boxes).weights[:, order]
    )
    with torch.no_grad():
        torch.testing.assert_close(method.embed(images, boxes_parts=moved), method.embed(images, boxes_parts=boxes))


def test_boxes_behind_the_first_d_and_their_classes_do_not_count(method, images):
    boxes = boxes_of(5, 5, 5, 5)
    others = [torch.cat((torch.full((3, 1), 7.0), rows[:3, 1:]), 1) for rows in boxes]

    with torch.no_grad():
        assert torch.equal(method.embed(images, boxes_parts=boxes), method.embed(images, boxes_parts=others))


def test_a_single_part_has_the_weight_1(images):
    parts = small(D="1").model.parts(images, boxes_of(1, 2, 3, 4))

    assert parts.weights.tolist() == [[1.0]] * 4


def test_without_pam_every_part_has_the_same_weight(images):
    parts = small("no-pam").model.parts(images, boxes_of(4, 3, 2, 0))

    assert parts.weights.tolist() == pytest.approx(np.array([[1 / 3] * 3, [1 / 3] * 3, [0.5, 0.5, 0], [0] * 3]))


def test_the_grid_attends_to_each_cell_alone_and_needs_no_boxes(images):
    network = small("grid").model
    parts = network.parts(images)
    with torch.no_grad():
        maps = network.trunk(network.normalise(images))
        scores = torch.stack([network.pam(maps[:, :, y, x][:, None])[:, 0] for y in range(4) for x in range(4)], 1)

    torch.testing.assert_close(parts.weights, scores.softmax(1))
    assert torch.equal(parts.masks, torch.eye(16).reshape(1, 16, 4, 4).expand(4, -1, -1, -1))
    torch.testing.assert_close(parts.heat, maps.mean(1) * (1 + parts.weights.view(4, 4, 4)))


def test_the_baseline_attends_to_nothing(images):
    network = small("baseline").model
    parts = network.parts(images)

    assert (tuple(parts.weights.shape), tuple(parts.masks.shape)) == ((4, 0), (4, 0, 4, 4))
    with torch.no_grad():
        torch.testing.assert_close(parts.heat, network.trunk(network.normalise(images)).mean(1))


@pytest.mark.parametrize("variant", ["no-pam", "pgan"])
@pytest.mark.parametrize("rule", ["overlap", "centre"])
def test_too_few_boxes_none_and_parts_without_a_cell_give_finite_features_and_gradients(variant, rule, images):
    method = small(variant, box_to_cells=rule)
    thin = torch.tensor([[1.0, 0.9, 1.0, 1.0, 3.0, 3.0]])  # between the centres of the cells
    boxes = [torch.zeros(0, 6), thin, *boxes_of(2, 5)]

    with torch.no_grad():
        features = method.embed(images, boxes_parts=boxes)
    outputs = method.model.train()(images, boxes)
    sum(tensor.sum() for tensor in outputs.values()).backward()

    weights = method.model.eval().parts(images, boxes).weights
    assert torch.isfinite(features).all()
    assert all(torch.isfinite(tensor).all() for tensor in outputs.values())
    assert all(torch.isfinite(tensor.grad).all() for tensor in method.model.parameters() if tensor.requires_grad)
    assert weights[0].tolist() == [0, 0, 0]
    assert weights[1].tolist() == ([1, 0, 0] if rule == "overlap" else [0, 0, 0])
    assert ((weights[2] > 0).tolist(), weights[2].sum().item()) == ([True, True, False], pytest.approx(1))


def test_an_image_without_parts_is_seen_as_f_g_twice(method, images):
    network = method.model
    with torch.no_grad():
        maps = network.trunk(network.normalise(images))
        expected = torch.nn.functional.normalize(network.neck(network.refine(torch.cat((maps, maps), 1))))

        torch.testing.assert_close(method.embed(images, boxes_parts=[torch.zeros(0, 6)] * 4), expected)


LABELS = {"vehicle": torch.arange(8) // 2}


@pytest.mark.parametrize(
    ("variant", "changes"), [*((name, {}) for name in VARIANTS), ("", {"losses": "f"}), ("", {"losses": "f+p"})]
)
def test_gradients_reach_every_parameter_that_is_trained(variant, changes):
    method = small(variant, **changes)
    network = method.model.train()
    images = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    (stage,) = method.stages({"vehicle": 5})

    outputs = network(images, boxes_of(*[3] * 8)) if method.test_needs else network(images)
    sum(method.losses(outputs, LABELS, stage).values()).backward()

    without = [
        name
        for name, weight in network.named_parameters()
        if weight.requires_grad and (weight.grad is None or not weight.grad.any())
    ]
    assert without == []


def outputs_of(n=8):
    generator = torch.Generator().manual_seed(0)
    widths = {"f": 6, "g": 3, "p": 3, "logits": 4}
    return {name: torch.randn(n, width, generator=generator) for name, width in widths.items()}


@pytest.mark.parametrize(("recipe", "weight"), [("paper", 2.0), ("vehicleid", 1.0)])
def test_the_four_losses_are_equation_5(recipe, weight):
    method, outputs, vehicles = pgan(recipe=recipe), outputs_of(), LABELS["vehicle"]

    losses = method.losses(outputs, LABELS, method.stages(VERI)[0])

    same = vehicles[:, None] == vehicles
    expected = {"cross-entropy": -weight * outputs["logits"].log_softmax(1)[range(8), vehicles].mean().item()}
    for name in "fgp":
        distance = torch.cdist(outputs[name].double(), outputs[name].double())
        hardest = [distance[a][same[a]].max() - distance[a][~same[a]].min() for a in range(8)]
        expected[f"triplet-{name}"] = torch.stack(hardest).add(0.3).relu().mean().item()
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("variant", "changes", "names"),
    [
        ("baseline", {}, {"cross-entropy", "triplet-f"}),
        ("pgan", {"losses": "f"}, {"cross-entropy", "triplet-f"}),
        ("pgan", {"losses": "f+g"}, {"cross-entropy", "triplet-f", "triplet-g"}),
        ("pgan", {"losses": "f+p"}, {"cross-entropy", "triplet-f", "triplet-p"}),
        ("no-pam", {}, {"cross-entropy", "triplet-f", "triplet-g", "triplet-p"}),
    ],
)
def test_the_rows_of_table_1_leave_losses_out(variant, changes, names):
    method = pgan(variant, **changes)
    built = {"f", "logits", *bare(method).heads}

    losses = method.losses({name: out for name, out in outputs_of().items() if name in built}, LABELS, None)

    assert losses.keys() == names


def test_the_paper_trains_130_epochs_of_16_by_4_and_halves_the_rate_every_20():
    method = pgan(recipe="paper")
    (stage,) = method.stages(VERI)
    optimiser = stage.optimiser(bare(method))
    (group,) = optimiser.param_groups
    scheduler = stage.schedule(optimiser, 100)
    rates = []
    for _ in range(130):
        rates.append(scheduler.get_last_lr()[0])
        optimiser.step()
        scheduler.step()

    assert (stage.epochs, stage.batches, stage.advance) == (130, PK(16, 4), "epoch")
    assert (type(optimiser), group["weight_decay"]) == (torch.optim.Adam, 5e-4)
    assert [type(step).__name__ for step in stage.augment.transforms] == ["RandomHorizontalFlip", "RandomErasing"]
    assert rates[0] == pytest.approx(1.75e-6)
    assert rates[10:30] == pytest.approx([1.75e-4] * 20)
    assert [rates[epoch] for epoch in (30, 49, 50, 69, 70, 90, 110, 129)] == pytest.approx(
        [1.75e-4 / 2**halvings for halvings in (1, 1, 2, 2, 3, 4, 5, 5)]
    )


def test_boxes_flip_and_crop_with_the_image(tmp_path):
    """A white rectangle on black: wherever the augmentation moves it, the box must lie around it."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[12:30, 8:24] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    share = np.array([[1, 1, 8 / 64, 12 / 64, 24 / 64, 30 / 64]], np.float32)
    (stage,) = pgan(**{**TINY, "flip": "0.5"}, pad="6").stages(VERI)
    samples = Samples(
        Pictures(tmp_path, ["a.png"], (64, 64), ("PNG",)),
        {"boxes_parts": Boxes({"a.png": share}, {1: "plate"})},
        stage.augment,
    )

    lefts = set()
    for epoch in range(12):
        batch = samples[BatchRequest(np.zeros(1, np.int64), ("augment", 0, epoch))]
        y, x = (batch.images[0, 0] > 128).nonzero(as_tuple=True)
        (rows,) = batch.boxes["boxes_parts"]
        around = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        assert rows[0, 2:].tolist() == pytest.approx([float(edge) for edge in around], abs=1e-3)
        lefts.add(rows[0, 2].item() > 32)
    assert lefts == {False, True}


@pytest.mark.parametrize(
    ("variant", "changes", "boxes"),
    [
        ("", {}, {"boxes.parts"}),
        ("pgan", {}, {"boxes.parts"}),
        ("no-pam", {}, {"boxes.parts"}),
        ("grid", {}, set()),
        ("baseline", {}, set()),
        ("", {"D": "0"}, set()),
    ],
)
def test_only_what_looks_at_parts_needs_boxes(variant, changes, boxes):
    method = pgan(variant, **changes)

    assert (method.needs, method.test_needs) == ({"vehicle", *boxes}, boxes)


def test_missing_boxes_are_named_before_training_and_the_baseline_goes_without(eight, tmp_path):
    request = TrainingRequest(seed=0, folder=tmp_path)

    with pytest.raises(DataError, match="'parts'"):
        prepare(eight, request, needs=pgan().needs, input_size=(64, 64))
    assert prepare(eight, request, needs=pgan("baseline").needs, input_size=(64, 64))


def test_a_checkpoint_gives_the_same_features_without_fetching_weights(method, images):
    again = pgan(**{**TINY, "temperature": "200", "weights": "/nowhere/weights.pth"})
    again.restore(method.state(), {"vehicle": 5})
    again.model.eval()
    boxes = boxes_of(3, 4, 0, 1)

    with torch.no_grad():
        assert torch.equal(again.embed(images, boxes_parts=boxes), method.embed(images, boxes_parts=boxes))


def test_a_missing_weights_file_stops_before_training():
    with pytest.raises(CheckpointError, match="no such weights file"):
        pgan(**{**TINY, "weights": "/nowhere/weights.pth"}).network({"vehicle": 5})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("backbone", "resnet34"),
        ("D", "-1"),
        ("attention", "soft"),
        ("temperature", "0"),
        ("box_to_cells", "nearest"),
        ("dimension", "300"),
        ("losses", "g+p"),
        ("lambda_c", "-1"),
    ],
)
def test_an_option_that_does_not_fit_is_named(option, value):
    with pytest.raises(UsageError, match=f"option '{option}' of pgan does not fit"):
        pgan(**{option: value})


@pytest.fixture(scope="module")
def boxed(eight, tmp_path_factory):
    """The eight vehicles with five boxes an image; one in the first, none in the second."""
    path, random = tmp_path_factory.mktemp("boxes") / "parts.json", np.random.default_rng(0)
    keys = eight.splits["train"].paths
    counts = [1, 0, *[5] * (len(keys) - 2)]
    content = {
        "images": [{"id": number, "file_name": key, "width": 32, "height": 32} for number, key in enumerate(keys)],
        "categories": [{"id": 1, "name": "car light"}],
        "annotations": [
            {
                "id": 10 * number + box,
                "image_id": number,
                "category_id": 1,
                "bbox": [*random.integers(0, 3, 2).tolist(), 20, 20],
                "score": 0.5,
            }
            for number, count in enumerate(counts)
            for box in range(count)
        ],
    }
    path.write_text(json.dumps(content))
    return replace(eight, boxes={"parts": path})


def test_it_learns_eight_vehicles_by_heart(boxed, tmp_path):
    quick = {"schedule": "cosine", "warm_up": "1", "learning_rate": "1e-3", "p": "8", "k": "2"}
    method = pgan(**{**TINY, **quick, "input_size": "32"}, epochs="8")

    assert cmc_at_1(trained(method, boxed, tmp_path), boxed) == 1.0


def test_the_log_counts_images_with_too_few_boxes_and_parts_without_a_cell(caplog):
    thin = [[1, 0.9, 0.02, 0.02, 0.05, 0.05]]  # between the centres of the cells
    whole = [[1, 0.9, 0, 0, 1, 1]] * 5
    shares = {"a": np.array(thin, np.float32), "b": np.zeros((0, 6), np.float32), "c": np.array(whole, np.float32)}
    boxes = {"boxes_parts": Boxes(shares, {1: "plate"})}

    with caplog.at_level(logging.INFO, "bench"):
        for rule in ("overlap", "centre"):
            assert pgan(**TINY, box_to_cells=rule).arrange_boxes(boxes, None) == boxes
        assert pgan("baseline").arrange_boxes({}, None) == {}

    assert caplog.messages == [
        f"parts: 1 of 3 images have none, 2 fewer than D = 3; {empty} of 4 parts cover no cell" for empty in (0, 1)
    ]


@pytest.mark.parametrize(("variant", "maps"), [("pgan", {"heat"}), ("grid", {"heat", "grid"}), ("baseline", {"heat"})])
def test_what_the_network_looks_at_is_its_own_weights(variant, maps):
    method = pgan(variant, **TINY | ({"D": "0"} if variant == "baseline" else {}))
    method.model = method.network({"vehicle": 3}).eval()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    rows = torch.tensor([[9, 0.9, 0, 0, 30, 30], [1, 0.8, 30, 30, 60, 60], [2, 0.7, 0, 0, 9, 9], [2, 0.1, 0, 0, 5, 5]])
    boxes = [rows, rows[:1]]

    found = method.attend(images, *([boxes] if variant == "pgan" else []))

    expected = method.model.parts(images, boxes)
    assert set(found.maps) == maps
    torch.testing.assert_close(found.maps["heat"], expected.heat)
    if variant == "grid":
        torch.testing.assert_close(found.maps["grid"].flatten(1), expected.weights)
        torch.testing.assert_close(found.maps["grid"].sum((1, 2)), torch.ones(2))
    if variant == "pgan":
        assert [len(parts) for parts in found.parts] == [3, 1]
        torch.testing.assert_close(found.parts[0][:, 1], expected.weights[0])
        assert (found.parts[0][:, [0, 2, 3, 4, 5]] == rows[:3, [0, 2, 3, 4, 5]]).all()
