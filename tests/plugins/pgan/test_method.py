import json
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from harness.boxes import Boxes
from harness.data.pictures import Pictures
from harness.errors import CheckpointError, DataError
from harness.extraction.samples import BatchRequest, Samples
from harness.methods.batches import PK
from harness.training.prepare import TrainingRequest, prepare
from tests.plugins.eight import cmc_at_1, trained
from tests.plugins.pgan.made import LABELS, TINY, boxes_of, pgan
from tests.plugins.veri import VERI, bare


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
    ("variant", "names"),
    [
        ("baseline", {"cross-entropy", "triplet-f"}),
        ("f_f", {"cross-entropy", "triplet-f"}),
        ("f_f+f_g", {"cross-entropy", "triplet-f", "triplet-g"}),
        ("f_f+f_p", {"cross-entropy", "triplet-f", "triplet-p"}),
        ("no-pam", {"cross-entropy", "triplet-f", "triplet-g", "triplet-p"}),
        ("", {"cross-entropy", "triplet-f", "triplet-g", "triplet-p"}),
    ],
)
def test_the_rows_of_table_1_leave_losses_out(variant, names):
    method = pgan(variant)
    built = {"f", "logits", *bare(method).heads}

    losses = method.losses({name: out for name, out in outputs_of().items() if name in built}, LABELS, None)

    assert losses.keys() == names


RATES = {
    # Counted from 1 (R): a tenth more in each of ten epochs, then half from each of 30, 50, 70, 90, 110 and 130 on.
    "": {1: 0.109, 2: 0.208, 5: 0.505, 9: 0.901, 10: 1, 11: 1, 29: 1, 30: 1 / 2, 49: 1 / 2, 50: 1 / 4, 70: 1 / 8}
    | {90: 1 / 16, 109: 1 / 16, 110: 1 / 32, 129: 1 / 32, 130: 1 / 64},
    # The paper's words: no warm-up, half after every 20 epochs.
    "printed-schedule": {1: 1, 20: 1, 21: 1 / 2, 40: 1 / 2, 41: 1 / 4, 61: 1 / 8, 81: 1 / 16, 101: 1 / 32}
    | {120: 1 / 32, 121: 1 / 64, 130: 1 / 64},
}


@pytest.mark.parametrize("variant", RATES)
def test_the_paper_trains_130_epochs_of_16_by_4_and_halves_the_rate(variant):
    method = pgan(variant, recipe="paper")
    (stage,) = method.stages(VERI)
    (optimiser,) = stage.optimiser(bare(method))
    scheduler = stage.schedule(optimiser, 100)
    rates = {}
    for epoch in range(1, 131):
        rates[epoch] = scheduler.get_last_lr()[0] / 1.75e-4
        optimiser.step()
        scheduler.step()

    assert (stage.epochs, stage.batches, stage.advance) == (130, PK(16, 4, epoch="groups"), "epoch")
    assert {epoch: rates[epoch] for epoch in RATES[variant]} == pytest.approx(RATES[variant])


def test_the_stage_trains_all_but_the_necks_bias_at_one_rate_and_decay():
    method = pgan(recipe="paper")
    network = bare(method)
    (stage,) = method.stages(VERI)
    (optimiser,) = stage.optimiser(network)
    (group,) = optimiser.param_groups
    trained = {id(tensor) for tensor in group["params"]}

    assert (type(optimiser), group["lr"]) == (torch.optim.Adam, 1.75e-4)
    assert (group["weight_decay"], group["betas"]) == (5e-4, (0.9, 0.999))
    assert [name for name, tensor in network.named_parameters() if id(tensor) not in trained] == ["neck.bias"]
    assert sum(tensor.numel() for tensor in group["params"]) == 36_462_146


def test_images_are_flipped_and_erased_as_the_release_erases():
    (stage,) = pgan(recipe="paper").stages(VERI)

    flip, erase = stage.augment.transforms
    assert (type(flip), flip.p) == (v2.RandomHorizontalFlip, 0.5)
    assert (erase.p, erase.scale, erase.ratio) == (0.5, (0.02, 0.4), (0.3, 3.3))
    assert erase.value == [152, 142, 127], "255 x (mean + deviation x mean) of ImageNet, to the nearest number"


def test_boxes_flip_and_crop_with_the_image(tmp_path):
    """A white rectangle on black: wherever the augmentation moves it, the box must surround it."""
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
        ("d10", {}, {"boxes.parts"}),
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


@pytest.mark.parametrize(("variant", "maps"), [("", {"heat"}), ("grid", {"heat", "grid"}), ("baseline", {"heat"})])
def test_what_the_network_looks_at_is_its_own_weights(variant, maps):
    method = pgan(variant, **TINY | ({"D": "0"} if variant == "baseline" else {}))
    method.model = method.network({"vehicle": 3}).eval()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    rows = torch.tensor([[9, 0.9, 0, 0, 30, 30], [1, 0.8, 30, 30, 60, 60], [2, 0.7, 0, 0, 9, 9], [2, 0.1, 0, 0, 5, 5]])
    boxes = [rows, rows[:1]]

    found = method.attend(images, *([boxes] if variant == "" else []))

    expected = method.model.parts(images, boxes)
    assert set(found.maps) == maps
    torch.testing.assert_close(found.maps["heat"], expected.heat)
    if variant == "grid":
        torch.testing.assert_close(found.maps["grid"].flatten(1), expected.weights)
        torch.testing.assert_close(found.maps["grid"].sum((1, 2)), torch.ones(2))
    if variant == "":
        assert [len(parts) for parts in found.parts] == [3, 1]
        torch.testing.assert_close(found.parts[0][:, 1], expected.weights[0])
        assert (found.parts[0][:, [0, 2, 3, 4, 5]] == rows[:3, [0, 2, 3, 4, 5]]).all()
