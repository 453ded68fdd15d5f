"""BNNeck (Luo et al., 2019, "Bag of Tricks", section 3.5): a feature for the metric, one for the classes."""

from __future__ import annotations

from torch import nn


class BNNeck(nn.BatchNorm1d):
    """Batch normalisation of (n, d) features whose bias stays zero, so that no class lies off the origin.

    The triplet loss sees what goes in, the classifier and the test what comes out.
    """

    def __init__(self, features: int) -> None:
        super().__init__(features)
        self.bias.requires_grad_(False)


class VehicleClassifier(nn.Linear):
    """The bias-free linear layer behind a BNNeck: (n, d) to (n, vehicles), drawn from N(0, 0.001)."""

    def __init__(self, features: int, vehicles: int) -> None:
        super().__init__(features, vehicles, bias=False)
        nn.init.normal_(self.weight, std=0.001)
