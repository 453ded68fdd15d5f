"""ResNet trunks (He et al., 2016) from torchvision, with a stride of 1 or 2 in their last stage."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

from torch import nn
from torchvision import models

Backbone = Literal["resnet18", "resnet50"]

CHANNELS = {"resnet18": 512, "resnet50": 2048}
"""Output channels of the last stage."""


def resnet_trunk(backbone: Backbone, last_stride: int) -> nn.Sequential:
    """Return the network up to its last stage, with torchvision's names and random initialisation.

    For (n, 3, h, w), the stages return: conv1 (n, 64, h/2, w/2), maxpool (n, 64, h/4, w/4), layer1 h/4, layer2 h/8,
    layer3 h/16 and layer4 (n, 512 or 2048, h/32, w/32), or h/16 and w/16 with a last stride of 1 (Sun et al., 2018,
    "Beyond Part Models": a larger last map without further parameters).
    """
    network = getattr(models, backbone)(weights=None)
    first = network.layer4[0]
    # In torchvision the first convolution of a basic block has the stride, and the second of a bottleneck.
    strided = first.conv2 if backbone == "resnet50" else first.conv1
    strided.stride = first.downsample[0].stride = (last_stride, last_stride)
    return nn.Sequential(OrderedDict((name, part) for name, part in network.named_children() if name not in HEAD))


HEAD = ("avgpool", "fc")
"""The layers of torchvision's network after its last stage, which a trunk omits."""
