import pytest

from leaderboard.growth.spread import mean_and_interval


def test_the_interval_is_students():
    mean, interval = mean_and_interval([0.4, 0.5, 0.6])

    assert mean == pytest.approx(0.5)
    assert interval.high - mean == pytest.approx(4.302653 * 0.1 / 3**0.5)
    assert mean - interval.low == pytest.approx(interval.high - mean)


def test_one_repeat_and_equal_repeats_have_no_interval():
    assert mean_and_interval([0.3]) == (0.3, None)
    assert mean_and_interval([0.1, 0.1, 0.1]) == (0.1, None)


def test_an_interval_stays_on_the_scale():
    interval = mean_and_interval([0.0, 0.9])[1]

    assert (interval.low, interval.high) == (0.0, 1.0)
