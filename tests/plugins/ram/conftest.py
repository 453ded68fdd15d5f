import pytest
import torch

from tests.plugins.ram.made import TINY, ram


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    method = ram(**TINY)
    method.model = method.network({"vehicle": 6, "colour": 3, "model": 4}).eval()
    return method


@pytest.fixture(scope="module")
def images():
    return torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(2))
