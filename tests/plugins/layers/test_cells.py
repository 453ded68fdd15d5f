import pytest
import torch
from hypothesis import given, strategies as st

from plugins.layers.cells import EDGE, mean_over, overlapped_cells

GRIDS = [((64, 64), (4, 4)), ((48, 64), (3, 4)), ((64, 96), (8, 3)), ((32, 32), (1, 1))]


@st.composite
def boxes_on_grids(draw):
    """A grid, and boxes within it whose edges are on quarters of a pixel."""
    size, cells = draw(st.sampled_from(GRIDS))

    def interval(length):
        low = draw(st.integers(0, 4 * length - 1))
        return low / 4, draw(st.integers(low + 1, 4 * length)) / 4

    boxes = []
    for _ in range(draw(st.integers(1, 4))):
        (x0, x1), (y0, y1) = interval(size[1]), interval(size[0])
        boxes.append([x0, y0, x1, y1])
    return size, cells, boxes


@given(boxes_on_grids())
def test_a_cell_counts_when_it_shares_an_area_with_the_box(case):
    size, cells, boxes = case
    high, wide = size[0] / cells[0], size[1] / cells[1]

    found = overlapped_cells(torch.tensor(boxes), size, cells)

    for box, (x0, y0, x1, y1) in zip(found.tolist(), boxes, strict=True):
        for row in range(cells[0]):
            for column in range(cells[1]):
                across = min(x1, (column + 1) * wide) - max(x0, column * wide)
                down = min(y1, (row + 1) * high) - max(y0, row * high)
                assert box[row][column] == (across > 0 and down > 0)


def test_the_whole_image_overlaps_every_cell_and_the_smallest_box_one():
    boxes = torch.tensor([[0.0, 0, 64, 64], [32, 32, 32 + EDGE / 2, 32 + EDGE / 2], [63.9999, 0, 64, 64]])

    found = overlapped_cells(boxes, (64, 64), (4, 4))

    assert found.sum((1, 2)).tolist() == [16, 1, 4]


def test_an_edge_that_rounding_moved_is_no_overlap():
    box = torch.tensor([16 + EDGE / 2, 16 - EDGE / 2, 32 + EDGE / 2, 32 - EDGE / 2])

    assert overlapped_cells(box, (64, 64), (4, 4)).nonzero().tolist() == [[1, 1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool])
def test_the_mean_is_over_the_masks_cells_alone_and_zero_over_none(dtype):
    random = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 5, 3, 4, generator=random)
    masks = torch.rand(2, 3, 3, 4, generator=random) < 0.4
    masks[1, 2] = False

    found = mean_over(maps, masks.to(dtype))

    for image in range(2):
        for part in range(3):
            inside = [maps[image, :, y, x] for y in range(3) for x in range(4) if masks[image, part, y, x]]
            expected = torch.stack(inside).mean(0) if inside else torch.zeros(5)
            torch.testing.assert_close(found[image, part], expected)
