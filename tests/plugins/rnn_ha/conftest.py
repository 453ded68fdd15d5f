import pytest
import torch

from tests.plugins.rnn_ha.made import TINY, rnn_ha


@pytest.fixture
def small():
    torch.manual_seed(0)
    method = rnn_ha(**TINY)
    method.model = method.network({"vehicle": 6, "type": 3}).eval()
    return method
