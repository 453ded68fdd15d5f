"""BNNeck (Luo et al., 2019, "Bag of Tricks", section 3.5): one feature for the metric, another for the classes."""

from __future__ import annotations

from torch import nn


class BNNeck(nn.BatchNorm1d):
    """Batch normalisation of (n, d) features with a fixed bias of zero.

    The triplet loss is on its input, the classifier and the test on its output.
    """

    def __init__(self, features: int) -> None:
        super().__init__(features)
        self.bias.requires_grad_(False)


class VehicleClassifier(nn.Linear):
    """The linear layer after a BNNeck: (n, d) to (n, vehicles), without biases, its weights from N(0, 0.001)."""

    def __init__(self, features: int, vehicles: int) -> None:
        super().__init__(features, vehicles, bias=False)
        nn.init.normal_(self.weight, std=0.001)
