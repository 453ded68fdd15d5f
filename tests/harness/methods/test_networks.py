"""Networks are found wherever a method's author keeps them."""

import functools

import numpy as np
import pytest
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


class Extractor:
    """What many libraries call a feature extractor: an object that holds a network and is called."""

    def __init__(self, net):
        self.net = net

    def __call__(self, images):
        return self.net(images)

    def run(self, images):
        return self.net(images)


def test_networks_are_found_in_what_is_called():
    nets = [layer() for _ in range(6)]
    method = Holder(
        called=Extractor(nets[0]),
        bound=Extractor(nets[1]).run,
        part=functools.partial(Extractor(nets[2]).run, other=nets[3]),
        function=lambda images: 2 * nets[4](images),
        default=lambda images, net=nets[5]: net(images),
    )

    assert {id(net) for net in networks_of(method).values()} == {id(net) for net in nets}


def test_a_method_that_can_be_called_is_looked_through():
    assert list(networks_of(Extractor(layer()))) == ["net"]


def test_networks_are_found_in_slots_and_behind_the_back_of_another_network():
    class Slim:
        __slots__ = ("net",)

        def __init__(self, net):
            self.net = net

    whole = nn.Sequential(layer())
    whole[0].friends = [layer()]

    assert list(networks_of(Holder(slim=Slim(layer()), whole=whole))) == ["slim.net", "whole", "whole.0.friends[0]"]


@pytest.mark.parametrize("keep", [torch.tensor, np.array], ids=["tensor", "array"])
def test_the_digest_follows_tensors_and_arrays_outside_of_networks(keep):
    plain, other = (digest_of(Holder(pca=Holder(components=keep(numbers)))) for numbers in ([1.0, 2.0], [1.0, 3.0]))
    net = layer()
    held = []
    for numbers in ([1.0], [2.0]):
        net.whitening = keep(numbers)
        held.append(digest_of(Holder(net=net)))

    assert plain
    assert plain != other
    assert held[0] != held[1]


def test_the_digest_follows_buffers_that_are_not_saved():
    class Normalise(nn.Module):
        def __init__(self, mean):
            super().__init__()
            self.register_buffer("mean", torch.tensor(mean), persistent=False)

    assert digest_of(Normalise(0.5)) != digest_of(Normalise(0.4))


def test_the_digest_takes_tensors_of_every_kind():
    sparse = torch.eye(2).to_sparse()
    held = [
        sparse, torch.zeros(2, device="meta"), torch.zeros(2, dtype=torch.complex64).conj(), torch.tensor(True),
        np.array(["a"]), np.array([layer()]),
        nn.LazyLinear(2), torch.zeros(0),
    ]  # fmt: skip

    assert digest_of(Holder(held=held))


def test_what_fails_when_looked_at_is_passed_over():
    class Sealed:
        def __getattribute__(self, name):
            if name in {"__dict__", "__self__"}:
                raise RuntimeError(name)
            return super().__getattribute__(name)

    assert list(networks_of(Holder(sealed=Sealed(), net=layer()))) == ["net"]
