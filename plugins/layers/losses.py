"""The losses of several methods, composed from torch and pytorch-metric-learning."""

from __future__ import annotations

from functools import cache

from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.reducers import MeanReducer
from torch import Tensor
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


@cache
def _batch_hard(margin: float, normalised: bool) -> tuple[BatchHardMiner, TripletMarginLoss]:
    distance = LpDistance(normalize_embeddings=normalised, p=2, power=1)
    # The library's default reducer leaves anchors without a loss out of the mean.
    return BatchHardMiner(distance=distance), TripletMarginLoss(margin, distance=distance, reducer=MeanReducer())
