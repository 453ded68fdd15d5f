"""The losses of several methods, composed from torch and pytorch-metric-learning."""

from __future__ import annotations

from functools import cache

import torch
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.reducers import MeanReducer
from torch import Tensor, nn
from torch.nn import functional

from harness.data.images import UNKNOWN


def cross_entropy(logits: Tensor, classes: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy with label smoothing (Szegedy et al., 2016, section 7).

    The target is 1 - smoothing + smoothing / c for the right class and smoothing / c for the others. Images without a
    label are ignored; if no image has one, the loss is zero.

    Args:
        logits: (n, c) of any float type.
        classes: (n,) int64, ``UNKNOWN`` for an image without a label.
        smoothing: 0 to 1.
    """
    logits = logits.float()
    if not (classes != UNKNOWN).any():
        return logits.sum() * 0.0
    return functional.cross_entropy(logits, classes, ignore_index=UNKNOWN, label_smoothing=smoothing)


def batch_hard_triplet(features: Tensor, vehicles: Tensor, margin: float = 0.3, *, normalised: bool = False) -> Tensor:
    """Return the batch-hard triplet loss (Hermans et al., 2017, equation 5) with the Euclidean distance D.

    L = mean over the anchors a of relu(margin + max over p of D(a, p) - min over n of D(a, n)): p is another image of
    the anchor's vehicle, n an image of another vehicle. The mean is over all anchors that have both, also those that
    fulfil the margin.

    Args:
        features: (n, d) of any float type.
        vehicles: (n,) int64.
        margin: in units of the distance.
        normalised: scale the features to length 1 first, for distances between 0 and 2.
    """
    miner, loss = _batch_hard(margin, normalised)
    features = features.float()
    value: Tensor = loss(features, vehicles, miner(features, vehicles))
    return value


class Centres(nn.Module):
    """A centre of each vehicle's features, for the centre loss (Wen et al., 2016); the first are drawn from N(0, 1).

    A choice of this harness (open): the weight of the loss scales the gradient of the features, but not that of the
    centres. They move as if it were 1, at the learning rate of their own optimiser.

    Args:
        vehicles: the number of centres.
        features: d, the width of a feature.
        weight: of the loss in the sum, above 0.
    """

    def __init__(self, vehicles: int, features: int, weight: float) -> None:
        super().__init__()
        self.points = nn.Parameter(torch.randn(vehicles, features))
        self.weight = weight

    def forward(self, features: Tensor) -> Tensor:
        """Return the squared Euclidean distances (n, vehicles) float32 of features (n, d) to all centres."""
        fixed = self.points.detach()
        points = (fixed + (self.points - fixed) / self.weight).float()  # the same numbers, another gradient
        with torch.autocast(features.device.type, enabled=False):  # the difference of large numbers needs float32
            features = features.float()
            lengths = features.square().sum(1, keepdim=True) + points.square().sum(1)
            return lengths - 2 * features @ points.T


def centre_loss(distances: Tensor, vehicles: Tensor) -> Tensor:
    """Return the mean of the features' squared distances to the centres of their own vehicles.

    Args:
        distances: (n, v) to all centres, see ``Centres``.
        vehicles: (n,) int64.
    """
    return distances.float().gather(1, vehicles[:, None]).mean()


@cache
def _batch_hard(margin: float, normalised: bool) -> tuple[BatchHardMiner, TripletMarginLoss]:
    distance = LpDistance(normalize_embeddings=normalised, p=2, power=1)
    # The library's default reducer leaves anchors without a loss out of the mean.
    return BatchHardMiner(distance=distance), TripletMarginLoss(margin, distance=distance, reducer=MeanReducer())
