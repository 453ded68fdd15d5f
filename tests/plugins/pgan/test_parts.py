from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings, strategies as st

from plugins.layers.cells import mean_over
from plugins.pgan.parts import PartAttention, guided, normalised, part_masks

RULES = st.sampled_from(["overlap", "centre"])


def box(x0, y0, x1, y1, score=1.0):
    return [1.0, score, x0, y0, x1, y1]


def tensor(*rows):
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)


@st.composite
def problems(draw):
    """Images' size, the map's cells, and a few images' boxes with corners on quarters of a pixel."""
    size = (draw(st.integers(16, 64)), draw(st.integers(16, 64)))
    cells = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    images = []
    for _ in range(draw(st.integers(1, 3))):
        rows = []
        for _ in range(draw(st.integers(0, 5))):
            x0, x1 = sorted(draw(st.lists(st.integers(0, 4 * size[1]), min_size=2, max_size=2, unique=True)))
            y0, y1 = sorted(draw(st.lists(st.integers(0, 4 * size[0]), min_size=2, max_size=2, unique=True)))
            rows.append(box(x0 / 4, y0 / 4, x1 / 4, y1 / 4))
        images.append(rows)
    return size, cells, images


def inside(low, high, side, cells, rule):
    """The rows, or columns, of the map that are in a box, by the rule as stated."""
    step = Fraction(side, cells)
    low, high = Fraction(low), Fraction(high)
    if rule == "centre":
        return {cell for cell in range(cells) if low <= (cell + Fraction(1, 2)) * step < high}
    return {cell for cell in range(cells) if low < (cell + 1) * step and high > cell * step}


@settings(max_examples=150, deadline=None)
@given(problems(), RULES, st.integers(1, 6))
def test_masks_are_those_of_a_literal_loop(problem, rule, count):
    size, cells, images = problem

    masks = part_masks([tensor(*rows) for rows in images], count, size, cells, rule)

    assert (tuple(masks.shape), masks.dtype) == ((len(images), count, *cells), torch.float32)
    for rows, found in zip(images, masks, strict=True):
        for part in range(count):
            expected = torch.zeros(cells)
            if part < len(rows):
                _, _, x0, y0, x1, y1 = rows[part]
                for row in inside(y0, y1, size[0], cells[0], rule):
                    for column in inside(x0, x1, size[1], cells[1], rule):
                        expected[row, column] = 1
            assert torch.equal(found[part], expected)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_masks_of_mirrored_boxes_are_mirrored_masks(problem):
    size, cells, images = problem
    mirrored = [[[*row[:2], size[1] - row[4], row[3], size[1] - row[2], row[5]] for row in rows] for rows in images]

    before, after = (part_masks([tensor(*rows) for rows in boxes], 4, size, cells) for boxes in (images, mirrored))

    assert torch.equal(after, before.flip(3))


def test_a_small_part_between_centres_has_no_cell_under_the_rule_of_centres():
    small = [tensor(box(1, 1, 5, 5))]

    assert part_masks(small, 1, (64, 64), (4, 4), "centre").sum() == 0
    assert part_masks(small, 1, (64, 64), (4, 4), "overlap").sum() == 1


def test_the_first_boxes_are_taken_whatever_their_class():
    rows = [[float(label), 1.0, 16.0 * label, 0.0, 16.0 * label + 16, 16.0] for label in (2, 0, 3, 1)]

    masks = part_masks([tensor(*rows)], 3, (64, 64), (4, 4))

    assert [mask.nonzero().tolist() for mask in masks[0]] == [[[0, 2]], [[0, 0]], [[0, 3]]]


@st.composite
def maps_and_masks(draw):
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
    n, parts, channels, height, width = (draw(st.integers(1, 4)) for _ in range(5))
    maps = torch.randn(n, channels, height, width, generator=generator)
    share = draw(st.sampled_from([0.0, 0.3, 1.0]))
    return maps, (torch.rand(n, parts, height, width, generator=generator) < share).float()


@settings(max_examples=80, deadline=None)
@given(maps_and_masks())
def test_mgap_is_the_mean_over_each_masks_cells(problem):
    maps, masks = problem

    pooled = mean_over(maps, masks)

    assert pooled.shape == (len(maps), masks.shape[1], maps.shape[1])
    for image in range(len(maps)):
        for part in range(masks.shape[1]):
            cells = [maps[image, :, y, x] for y, x in masks[image, part].nonzero().tolist()]
            expected = torch.stack(cells).mean(0) if cells else torch.zeros(maps.shape[1])
            torch.testing.assert_close(pooled[image, part], expected)


@settings(max_examples=80, deadline=None)
@given(maps_and_masks())
def test_the_part_guided_map_is_equations_2_and_3(problem):
    maps, masks = problem
    weights = torch.rand(masks.shape[:2], generator=torch.Generator().manual_seed(0))
    expected = maps.clone()
    for image in range(len(maps)):
        for part in range(masks.shape[1]):
            expected[image] += weights[image, part] * masks[image, part] * maps[image]

    found = guided(maps, (weights[:, :, None, None] * masks).sum(1))

    torch.testing.assert_close(found, expected)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 5), st.integers(1, 10), st.integers(0, 2**16), st.sampled_from([0.0, 0.5, 1.0]))
def test_weights_are_the_softmax_of_the_parts_that_are_there(n, parts, seed, share):
    generator = torch.Generator().manual_seed(seed)
    scores = 10 * torch.randn(n, parts, generator=generator)
    there = torch.rand(n, parts, generator=generator) < share

    weights = normalised(scores, there)

    for row, found, present in zip(scores, weights, there, strict=True):
        assert (found[~present] == 0).all()
        if present.any():
            torch.testing.assert_close(found[present], row[present].softmax(0))
            assert (found[present] > 0).all()
            assert found.sum().item() == pytest.approx(1, abs=1e-6)


def test_no_part_at_all_gives_no_weight_and_a_gradient_of_zero():
    scores = torch.randn(2, 3, requires_grad=True)

    weights = normalised(scores, torch.zeros(2, 3, dtype=torch.bool))
    weights.sum().backward()

    assert weights.tolist() == [[0.0] * 3] * 2
    assert scores.grad.tolist() == [[0.0] * 3] * 2


def test_one_part_has_all_the_weight():
    assert normalised(torch.tensor([[-4.0], [7.0]]), torch.ones(2, 1, dtype=torch.bool)).tolist() == [[1.0], [1.0]]


def test_psi_is_figure_2s_list_of_layers():
    torch.manual_seed(0)
    pam = PartAttention(12, 5, temperature=10.0)
    pooled = torch.randn(2, 3, 12)
    length, rows = (pam.squeeze.parametrizations.weight.original0, pam.squeeze.parametrizations.weight.original1)
    torch.nn.init.uniform_(length, 0.5, 2)
    torch.nn.init.uniform_(pam.norm.weight, 0.5, 2)

    with torch.no_grad():
        hidden = pooled @ (length * rows / rows.square().sum().sqrt()).T
        centred = hidden - hidden.mean(2, keepdim=True)
        hidden = centred / (centred.square().mean(2, keepdim=True) + 1e-5).sqrt() * pam.norm.weight + pam.norm.bias
        last = pam.excite.parametrizations.weight
        expected = hidden.clamp(min=0) @ (last.original0 * last.original1 / last.original1.square().sum().sqrt()).T

        torch.testing.assert_close(pam(pooled), 10 * expected.mean(2))


def test_pam_has_the_parameters_of_its_layer_list():
    with torch.device("meta"):
        pam = PartAttention(2048, 512, 10.0)

    layers = 2048 * 512 + 1, 512 * 2048 + 1  # a weight, and one length
    assert sum(tensor.numel() for tensor in pam.parameters()) == sum(layers) + 2 * 512
