"""A fully connected layer with He et al.'s first weights."""

from __future__ import annotations

from torch import nn


def he_linear(inside: int, outside: int) -> nn.Linear:
    """Return a linear layer with weights from a normal distribution of variance 2 / ``inside``, and biases of 0."""
    layer = nn.Linear(inside, outside)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return layer
