"""LocalNet is the network of YOLO v1's figure 3."""

from __future__ import annotations

import torch
from torch import nn

from harness.detection.detect import make
from plugins.detectors.localnet import LocalNet, LocalNetSmall
from plugins.detectors.yolo import decode


def localnet(**options: object) -> nn.Module:
    with torch.device("meta"):
        return make(LocalNet, LocalNet.Options(**options)).network({})


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_there_are_24_convolutions_of_the_published_sides():
    network = localnet(norm=False)
    sides = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda module, inputs, output: sides.append(output.shape[-1]))
    cells = network.cells(torch.zeros(1, 3, 448, 448, device="meta"))
    assert sides == [224, 112, *[56] * 4, *[28] * 10, *[14] * 5, *[7] * 3]
    assert cells.shape == (1, 7, 7, 14)


def test_the_parameters_are_those_counted_by_hand():
    convolutions = (
        (9_472 + 110_784)
        + (24_704 + 295_168 + 65_792 + 1_180_160)
        + (4 * (131_328 + 1_180_160) + 262_656 + 4_719_616)
        + (2 * (524_800 + 4_719_616) + 4 * 9_438_208)
    )
    hidden, cells = 7 * 7 * 1024 * 4096 + 4096, 4096 * 7 * 7 * (2 * 5 + 4) + 7 * 7 * 14
    assert parameters(localnet(norm=False)) == convolutions + hidden + cells == 268_491_502
    assert parameters(localnet(norm=True)) == 268_491_502 + 13_184  # a channel's two of its norm, less its bias
    sixteen = 4096 * 7 * 7 * (2 * 5 + 16) + 7 * 7 * 26
    assert parameters(localnet(norm=False, kind="parts")) == convolutions + hidden + sixteen


def test_the_small_form_has_the_same_cells_at_any_size():
    for size in (64, 112, 128):
        detector = make(LocalNetSmall, LocalNetSmall.Options(input_size=size))
        assert detector.network({}).cells(torch.zeros(2, 3, size, size)).shape == (2, 7, 7, 14)


def test_cells_become_boxes_of_confidence_times_class():
    cells = torch.zeros(1, 7, 7, 12)
    cells[0, 2, 3] = torch.tensor([0.5, 0.25, 0.5, 0.25, 0.5, 0, 0, 0.1, 0.1, 0.0, 1.0, 0.5])
    (boxes,) = decode(cells, (70, 140))
    expected = [[1, 0.5, 70 - 17.5, 22.5 - 35 / 16, 70 + 17.5, 22.5 + 35 / 16]]
    torch.testing.assert_close(boxes[:1], torch.tensor(expected))
    torch.testing.assert_close(boxes[1, :2], torch.tensor([2, 0.25]))
    assert (boxes[2:, 1] == 0).all()
    assert ((boxes[:, 4:] > boxes[:, 2:4]).all(1)).all()


def test_of_overlapping_boxes_of_one_class_the_surer_one_stays():
    cells = torch.zeros(1, 7, 7, 12)
    cells[0, 3, 3] = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.52, 0.75, 1.0, 0.0])
    (boxes,) = decode(cells, (70, 70))
    sure = boxes[(boxes[:, 0] == 1) & (boxes[:, 1] > 0)]
    assert sure[:, 1].tolist() == [0.75]
