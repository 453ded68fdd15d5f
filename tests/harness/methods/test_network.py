"""Networks that a checkpoint describes are built only as far as their tensors go."""

import pytest
import torch

from tests.tiny import tiny


def test_a_description_of_more_numbers_than_the_file_holds_takes_no_memory():
    state = {"conv.weight": torch.zeros(8, 3, 3, 3)}

    with pytest.raises(RuntimeError, match="describes a network of 90,000,257 numbers and holds 216"):
        tiny().restore(state, {"vehicle": 10_000_000})


def test_a_usual_network_is_restored():
    method = tiny()
    network = method.architecture({"vehicle": 5000})

    method.restore(network.state_dict(), {"vehicle": 5000})

    assert method.model.classifier.weight.shape == (5000, 8)
