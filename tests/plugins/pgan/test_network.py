import numpy as np
import pytest
import torch

from plugins.pgan.parts import part_masks
from tests.plugins.pgan.made import LABELS, VARIANTS, boxes_of, pgan, small
from tests.plugins.veri import bare

RESNET50 = 23_508_032  # see tests/plugins/test_strong_baseline.py
PAM = 2048 * 512 + 1 + 2 * 512 + 512 * 2048 + 1  # see test_parts.py
REFINE = {(4096, 512): 7_037_440, (2048, 256): 1_761_536, (2048, 512): 2_576_896}  # see layers/test_refine.py
NECK = 2 * 512 + 512 * 576
FUSED = RESNET50 + REFINE[4096, 512] + NECK


@pytest.mark.parametrize(
    ("variant", "changes", "expected"),
    [
        ("baseline", {}, RESNET50 + REFINE[2048, 512] + NECK),
        ("grid", {}, FUSED + PAM + 2 * REFINE[2048, 256]),
        ("no-pam", {}, FUSED + 2 * REFINE[2048, 256]),
        ("", {}, FUSED + PAM + 2 * REFINE[2048, 256]),
        ("f_f", {}, FUSED + PAM),
        ("f_f+f_g", {}, FUSED + PAM + REFINE[2048, 256]),
        ("f_f+f_p", {}, FUSED + PAM + REFINE[2048, 256]),
        ("d4", {}, FUSED + PAM + 2 * REFINE[2048, 256]),
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
    if variant in {"grid", ""}:
        expected |= {
            "pam.squeeze": ((2, parts, 2048), (2, parts, 512)),
            "pam.norm": ((2, parts, 512), (2, parts, 512)),
            "pam.excite": ((2, parts, 512), (2, parts, 2048)),
            "pam": ((2, parts, 2048), (2, parts)),
        }
    assert {name: tuple(tuple(side.shape) for side in found[name]) for name in expected} == expected
    assert ("pam" in found) == (variant in {"grid", ""})
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


@pytest.mark.parametrize("variant", ["no-pam", ""])
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
