"""YOLO v1's output, loss and boxes (Redmon et al., You Only Look Once, CVPR 2016, section 2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import batched_nms

CELLS = 7
"""S: the image is divided into S x S cells."""

PREDICTORS = 2
"""B: boxes that each cell predicts."""

COORD, NO_OBJECT = 5.0, 0.5
"""lambda_coord and lambda_noobj, section 2.2."""

OVERLAP = 0.5
"""Of two boxes of one class with a larger overlap, the one with the lower score is dropped. Open in the paper."""


def width_of(classes: int) -> int:
    """Return the outputs of a cell: x, y, roots of width and height and confidence of each box, and the classes."""
    return 5 * PREDICTORS + classes


def losses(cells: Tensor, boxes: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
    """Return the five terms of equation 3, each for each image.

    Open in the paper, and chosen here: a cell has one object, the largest with its centre in the cell; the network
    predicts the square roots of width and height; the target of a responsible predictor's confidence is its current
    overlap, without a gradient through it; of equal overlaps the first predictor is responsible.

    Args:
        cells: (n, S, S, 5 B + C), as in ``width_of``; x and y are in cells from the cell's corner, the roots are of
            shares of the image.
        boxes: for each image (m, 6): label from 1, score, corners in pixels.
        size: height and width of the image in pixels.

    Returns:
        ``centre``, ``extent``, ``object``, ``no object``, ``class``: (n,) float32 each.
    """
    cells = cells.float()
    images, found = len(cells), _objects(boxes, size, cells.device)
    image, row, column = found[:, 0].long(), found[:, 1].long(), found[:, 2].long()
    truth, label = found[:, 3:7], found[:, 7].long()
    predicted = cells[..., : 5 * PREDICTORS].reshape(images, CELLS, CELLS, PREDICTORS, 5)
    candidates = predicted[image, row, column]
    overlap = _overlaps(_corners(candidates[..., :4].detach(), found[:, 1:3]), truth)
    responsible = overlap.argmax(1)
    place = torch.arange(len(found), device=cells.device)
    box, wanted = candidates[place, responsible], overlap[place, responsible]
    centre = (truth[:, :2] + truth[:, 2:]) / 2 * CELLS - found[:, [2, 1]]
    roots = (truth[:, 2:] - truth[:, :2]).sqrt()
    one_hot = torch.nn.functional.one_hot(label - 1, cells.shape[-1] - 5 * PREDICTORS)
    empty = torch.ones(predicted.shape[:-1], dtype=torch.bool, device=cells.device)
    empty[image, row, column, responsible] = False
    terms = {
        "centre": COORD * (box[:, :2] - centre).square().sum(1),
        "extent": COORD * (box[:, 2:4] - roots).square().sum(1),
        "object": (box[:, 4] - wanted).square(),
        "class": (cells[image, row, column, 5 * PREDICTORS :] - one_hot).square().sum(1),
    }
    summed = {name: cells.new_zeros(images).index_add(0, image, term) for name, term in terms.items()}
    return {**summed, "no object": NO_OBJECT * (predicted[..., 4].square() * empty).flatten(1).sum(1)}


def _objects(boxes: Sequence[Tensor], size: tuple[int, int], device: torch.device) -> Tensor:
    """Return (k, 8): image, row, column of the cell, corners in shares, label; at most one object a cell."""
    height, width = size
    rows = []
    for image, found in enumerate(boxes):
        corners = found[:, 2:].double().cpu()  # exact areas and centres for whole pixels
        area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
        taken = set()
        for place in torch.argsort(area, descending=True, stable=True).tolist():
            x0, y0, x1, y1 = corners[place].tolist()
            row, column = (y0 + y1) * CELLS / (2 * height), (x0 + x1) * CELLS / (2 * width)
            cell = min(int(row), CELLS - 1), min(int(column), CELLS - 1)
            if cell not in taken:
                taken.add(cell)
                rows.append([image, *cell, x0 / width, y0 / height, x1 / width, y1 / height, float(found[place, 0])])
    return torch.tensor(rows, dtype=torch.float32, device=device).reshape(-1, 8)


def _corners(predicted: Tensor, cell: Tensor) -> Tensor:
    """Return the corners in shares, (k, B, 4), of predictions (k, B, 4) in the cells (k, 2), row and column."""
    centre = (predicted[..., :2] + cell[:, None, [1, 0]]) / CELLS
    half = predicted[..., 2:].square() / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def _overlaps(corners: Tensor, truth: Tensor) -> Tensor:
    """Return (k, B), the intersection over the union of each predictor's box with the cell's object."""
    truth = truth[:, None]
    sides = torch.minimum(corners[..., 2:], truth[..., 2:]) - torch.maximum(corners[..., :2], truth[..., :2])
    shared = sides.clamp(min=0).prod(-1)
    areas = (corners[..., 2:] - corners[..., :2]).prod(-1) + (truth[..., 2:] - truth[..., :2]).prod(-1)
    return shared / (areas - shared)


def decode(cells: Tensor, size: tuple[int, int]) -> list[Tensor]:
    """Return the boxes of each image, scored by class probability times confidence, without overlaps in a class.

    Args:
        cells: (n, S, S, 5 B + C).
        size: height and width of the image in pixels.

    Returns:
        For each image (m, 6) float32: label from 1, score, corners in pixels, the surest first.
    """
    cells = cells.float()
    axis = torch.arange(CELLS, device=cells.device, dtype=torch.float32)
    grid = torch.cartesian_prod(axis, axis)
    scale = torch.tensor([size[1], size[0]] * 2, device=cells.device)
    found = []
    for image in cells.flatten(1, 2):
        predicted = image[:, : 5 * PREDICTORS].reshape(CELLS**2, PREDICTORS, 5)
        corners = _corners(predicted[..., :4], grid).clamp(0, 1) * scale
        score = (predicted[..., 4:] * image[:, None, 5 * PREDICTORS :]).clamp(0, 1)
        classes = score.shape[-1]
        label = torch.arange(1, classes + 1, device=cells.device).expand_as(score).flatten()
        corners = corners[:, :, None].expand(-1, -1, classes, -1).reshape(-1, 4)
        solid = (corners[:, 2:] > corners[:, :2]).all(1)
        corners, scores, labels = corners[solid], score.flatten()[solid], label[solid]
        kept = batched_nms(corners, scores, labels, OVERLAP)
        found.append(torch.column_stack([labels[kept].float(), scores[kept], corners[kept]]))
    return found
