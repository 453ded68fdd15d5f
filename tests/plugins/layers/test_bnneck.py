import pytest
import torch

from plugins.layers.bnneck import BNNeck, VehicleClassifier


def test_the_neck_normalises_each_number_over_the_batch():
    features = torch.randn(50, 6, generator=torch.Generator().manual_seed(0)) * 3 + 7

    normalised = BNNeck(6)(features)

    expected = (features - features.mean(0)) / (features.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(normalised, expected)


def test_the_necks_bias_stays_zero_while_its_weight_learns():
    neck = BNNeck(6)
    optimiser = torch.optim.SGD(neck.parameters(), lr=0.1)

    for _ in range(3):
        optimiser.zero_grad()
        (neck(torch.randn(20, 6)) - 5).square().sum().backward()
        optimiser.step()

    assert torch.equal(neck.bias, torch.zeros(6))
    assert not torch.equal(neck.weight, torch.ones(6))


def test_the_classifier_starts_from_small_normal_weights_and_no_bias():
    torch.manual_seed(0)
    classifier = VehicleClassifier(2048, 576)

    assert classifier.bias is None
    assert classifier.weight.shape == (576, 2048)
    assert classifier.weight.std().item() == pytest.approx(0.001, rel=0.01)
    assert abs(classifier.weight.mean().item()) < 1e-5
