import pytest
import torch

from tests.plugins.pr_reid.made import TINY, pr_reid


@pytest.fixture(scope="module")
def small():
    """A small network in evaluation mode, with its method; tests leave it as it is."""
    torch.manual_seed(0)
    method = pr_reid(**TINY)
    method.model = method.network({"vehicle": 5}).eval()
    return method


@pytest.fixture(scope="module")
def images():
    return torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(2))
