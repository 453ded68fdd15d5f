"""SSD300 is torchvision's, with PGAN's classes."""

from __future__ import annotations

import torch

from harness.detection.detect import make
from plugins.detectors.ssd import SSD300


def test_ssd300_is_torchvisions_with_sixteen_classes_and_keeps_the_unsure():
    with torch.device("meta"):
        network = make(SSD300, SSD300.Options(weights="none", keep=8)).network({})
    # torchvision counts 35,641,826 with COCO's 91 classes; a class less is an output less of every anchor.
    places = zip((4, 6, 6, 6, 4, 4), (512, 1024, 512, 256, 256, 256), strict=True)
    fewer = (91 - 17) * sum(anchors * (9 * channels + 1) for anchors, channels in places)
    assert sum(weight.numel() for weight in network.parameters()) == 35_641_826 - fewer
    assert (network.ssd.score_thresh, network.ssd.detections_per_img) == (0, 8)
    assert all(weight.requires_grad for weight in network.parameters())
