import pytest
import torch

from tests.plugins.pgan.made import small


@pytest.fixture(scope="module")
def method():
    """The whole method, small; tests leave it as it is."""
    return small()


@pytest.fixture(scope="module")
def images():
    return torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
