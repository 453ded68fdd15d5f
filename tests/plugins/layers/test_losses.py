import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from harness.data.images import UNKNOWN
from plugins.layers.losses import Centres, batch_hard_triplet, centre_loss, cross_entropy

numbers = st.floats(-8, 8, width=32)


@st.composite
def batches(draw):
    """Features (n, d) and vehicles (n,), with duplicates and lonely vehicles among them."""
    n, d = draw(st.integers(1, 10)), draw(st.integers(1, 4))
    features = draw(hnp.arrays(np.float32, (n, d), elements=st.integers(-8, 8).map(lambda value: value / 2)))
    vehicles = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 3)))
    return features, vehicles


def literal_batch_hard(features, vehicles, margin):
    """Equation 5 of Hermans et al., anchor by anchor, in float64."""
    features = features.astype(np.float64)
    losses = []
    for anchor, vehicle in enumerate(vehicles):
        distance = [math.dist(features[anchor], other) for other in features]
        same = [distance[i] for i in range(len(vehicles)) if vehicles[i] == vehicle and i != anchor]
        others = [distance[i] for i in range(len(vehicles)) if vehicles[i] != vehicle]
        if same and others:
            losses.append(max(0.0, margin + max(same) - min(others)))
    return sum(losses) / len(losses) if losses else 0.0


@settings(max_examples=150, deadline=None)
@given(batches(), st.sampled_from([0.0, 0.3, 2.0]))
def test_the_batch_hard_triplet_is_its_literal_formula(batch, margin):
    features, vehicles = batch

    loss = batch_hard_triplet(torch.from_numpy(features), torch.from_numpy(vehicles), margin)

    assert loss.item() == pytest.approx(literal_batch_hard(features, vehicles, margin), abs=1e-4)


@settings(max_examples=100, deadline=None)
@given(batches(), st.floats(0.25, 4))
def test_the_normalised_triplet_sees_directions_only(batch, scale):
    features, vehicles = batch
    features = features + np.float32(20)  # no feature of length zero
    lengths = np.linalg.norm(features, axis=1, keepdims=True)

    loss = batch_hard_triplet(torch.from_numpy(features) * scale, torch.from_numpy(vehicles), 0.3, normalised=True)

    assert loss.item() == pytest.approx(literal_batch_hard(features / lengths, vehicles, 0.3), abs=1e-3)


def test_anchors_that_fulfil_the_margin_count_in_the_mean():
    features = torch.tensor([[0.0], [1.0], [1.1], [50.0], [50.0]])
    vehicles = torch.tensor([0, 0, 1, 2, 2])

    # Anchor 0: 0.3 + 1 - 1.1. Anchor 1: 0.3 + 1 - 0.1. Vehicle 2: nothing, twice. Vehicle 1 has no positive.
    assert batch_hard_triplet(features, vehicles, 0.3).item() == pytest.approx((0.2 + 1.2 + 0 + 0) / 4, abs=1e-6)


@pytest.mark.parametrize("normalised", [False, True])
def test_features_that_are_all_the_same_give_finite_gradients(normalised):
    features = torch.ones(8, 5, requires_grad=True)

    loss = batch_hard_triplet(features, torch.arange(8) // 2, 0.3, normalised=normalised)
    loss.backward()

    assert loss.item() == pytest.approx(0.3, abs=1e-3)
    assert torch.isfinite(features.grad).all()


def test_the_triplet_of_a_full_batch_agrees_with_its_literal_formula():
    random = np.random.default_rng(0)
    vehicles = np.repeat(np.arange(16), 4)
    features = random.normal(size=(64, 128)).astype(np.float32) + vehicles[:, None] % 5

    loss = batch_hard_triplet(torch.from_numpy(features), torch.from_numpy(vehicles), 0.3)

    assert loss.item() == pytest.approx(literal_batch_hard(features, vehicles, 0.3), rel=1e-4)


def test_the_triplet_pulls_a_vehicle_together_and_pushes_others_away():
    features = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.1]], requires_grad=True)

    batch_hard_triplet(features, torch.tensor([0, 0, 1]), 0.3).backward()
    step = -features.grad

    assert step[1, 0] < 0
    assert step[2, 1] > 0


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 6), st.integers(2, 5), st.sampled_from([0.0, 0.1, 0.5]))
def test_cross_entropy_is_its_literal_formula(data, n, c, smoothing):
    logits = data.draw(hnp.arrays(np.float32, (n, c), elements=numbers))
    classes = data.draw(hnp.arrays(np.int64, n, elements=st.integers(UNKNOWN, c - 1)))
    known = [row for row in range(n) if classes[row] != UNKNOWN]

    loss = cross_entropy(torch.from_numpy(logits), torch.from_numpy(classes), smoothing)

    total = 0.0
    for row in known:
        values = logits[row].astype(np.float64)
        log_shares = values - np.log(np.exp(values).sum())
        for target in range(c):
            share = smoothing / c + (1 - smoothing if target == classes[row] else 0.0)
            total -= share * log_shares[target]
    assert loss.item() == pytest.approx(total / len(known) if known else 0.0, rel=1e-4, abs=1e-4)


def test_losses_are_computed_in_float32_whatever_the_network_gives():
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    classes = torch.tensor([0, 0, 1, 1])

    assert cross_entropy(logits, classes).dtype == torch.float32
    assert batch_hard_triplet(logits, classes).dtype == torch.float32


def centres_of(points, weight=1.0):
    centres = Centres(*points.shape, weight)
    with torch.no_grad():
        centres.points.copy_(points)
    return centres


@settings(max_examples=50)
@given(batches())
def test_the_centre_loss_is_the_mean_squared_distance_to_the_own_centre(batch):
    features, vehicles = batch
    points = np.random.default_rng(0).normal(size=(4, features.shape[1])).astype(np.float32)

    distances = centres_of(torch.from_numpy(points))(torch.from_numpy(features))
    loss = centre_loss(distances, torch.from_numpy(vehicles))

    own = [math.dist(feature, points[vehicle]) ** 2 for feature, vehicle in zip(features, vehicles, strict=True)]
    assert loss.item() == pytest.approx(sum(own) / len(own), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("weight", [1.0, 0.0005])
def test_the_weight_scales_what_the_features_get_and_not_what_the_centres_do(weight):
    features = torch.tensor([[1.0, 2.0], [3.0, 2.0], [0.0, 0.0], [8.0, 4.0]], requires_grad=True)
    centres = centres_of(torch.tensor([[0.0, 1.0], [4.0, 4.0], [9.0, 9.0]]), weight)

    (weight * centre_loss(centres(features), torch.tensor([0, 0, 1, 1]))).backward()

    # 2 (f - c) / 4 for each feature, and the sum of 2 (c - f) / 4 for each centre; none for a vehicle not seen.
    torch.testing.assert_close(features.grad, weight * torch.tensor([[0.5, 0.5], [1.5, 0.5], [-2, -2], [2, 0]]))
    torch.testing.assert_close(centres.points.grad, torch.tensor([[-2.0, -1.0], [0, 2], [0, 0]]))


def test_far_centres_are_measured_in_float32_under_autocast():
    points = torch.full((2, 64), 100.0)
    features = points + torch.tensor([[0.125], [0.25]])

    with torch.autocast("cpu", torch.bfloat16):
        distances = centres_of(points)(features)

    assert distances.dtype == torch.float32
    torch.testing.assert_close(distances[:, 0], torch.tensor([1.0, 4.0]), atol=0.5, rtol=0)


def test_the_first_centres_are_standard_normal():
    torch.manual_seed(0)
    points = Centres(576, 128, 0.0005).points

    assert points.shape == (576, 128)
    assert points.mean().item() == pytest.approx(0, abs=0.02)
    assert points.std().item() == pytest.approx(1, abs=0.02)
