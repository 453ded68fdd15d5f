"""Networks are found wherever a method's author keeps them."""

import torch
from torch import nn

from harness.methods.networks import digest_of, networks_of


def layer():
    return nn.Linear(2, 2)


class Holder:
    def __init__(self, **parts):
        vars(self).update(parts)


def test_networks_are_found_in_attributes_lists_dictionaries_and_objects():
    method = Holder(
        net=layer(), nets=[layer(), (layer(),)], named={"a": layer()}, inner=Holder(deep=Holder(net=layer()))
    )

    assert list(networks_of(method)) == ["net", "nets[0]", "nets[1][0]", "named['a']", "inner.deep.net"]


def test_a_network_within_another_belongs_to_that_one_and_one_held_twice_counts_once():
    whole = nn.Sequential(layer(), layer())
    method = Holder(model=whole, again=whole, head=whole[1])

    assert networks_of(method) == {"model": whole}


def test_a_method_that_is_a_network_is_one():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer()

    method = Both()
    assert networks_of(method) == {"": method}


def test_a_circle_ends():
    method = Holder(net=layer())
    method.itself, method.list = method, [method]

    assert list(networks_of(method)) == ["net"]


def test_the_digest_follows_parameters_and_buffers():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(3))
            self.register_buffer("mean", torch.zeros(3, dtype=torch.bfloat16))

    net = Net()
    digests = [digest_of({"net": net})]
    with torch.no_grad():
        net.weight[1] = 1
    digests.append(digest_of({"net": net}))
    net.mean[2] = 1
    digests.append(digest_of({"net": net}))

    assert len(set(digests)) == 3
    assert digest_of({}) is None


def test_a_module_of_python_is_no_place_of_networks():
    class Mine:
        def __init__(self):
            self.library = torch.nn
            self.net = nn.Linear(2, 2)

    assert list(networks_of(Mine())) == ["net"]
