import json
import time

import numpy as np
import pytest

from harness.basics import host
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric
from harness.features import FeatureFile, FeatureWriter, Provenance, write_features
from harness.scoring.cost import NAME, device_name, measured, read_cost

KEYS = [f"image/{row}.jpg" for row in range(6)]


@pytest.fixture
def fabric():
    return open_fabric(Compute(device="cpu"))


def write(path, value=1.0):
    write_features(path, KEYS, np.full((len(KEYS), 4), value, np.float32), dataset="synthetic", method="mine")


def cost_of(path):
    with FeatureFile.open(path) as file:
        return read_cost(file)


def test_a_whole_extraction_is_timed_and_its_cost_is_read_with_its_features(tmp_path, fabric):
    path = tmp_path / "features.h5"

    with measured(path, fabric):
        time.sleep(0.05)
        write(path)

    found = cost_of(path)
    assert found.images == len(KEYS)
    assert 0.05 <= found.seconds < 60
    assert found.device == device_name(fabric)


def test_an_extraction_that_goes_on_has_no_cost(tmp_path, fabric):
    path = tmp_path / "features.h5"
    with pytest.raises(KeyboardInterrupt), FeatureWriter(path, KEYS, 4, Provenance(dataset="synthetic", method="mine")):
        raise KeyboardInterrupt
    assert (tmp_path / "features.h5.partial").exists()

    with measured(path, fabric):
        write(path)

    assert not (tmp_path / NAME).exists()
    assert cost_of(path) is None


def test_an_extraction_that_fails_has_no_cost(tmp_path, fabric):
    with pytest.raises(ZeroDivisionError), measured(tmp_path / "features.h5", fabric):
        raise ZeroDivisionError

    assert list(tmp_path.iterdir()) == []


def test_the_cost_of_other_features_is_not_taken_for_these(tmp_path, fabric):
    path = tmp_path / "features.h5"
    with measured(path, fabric):
        write(path)
    write(path, 2.0)

    assert cost_of(path) is None


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": 0.0},
        {"seconds": float("nan")},
        {"seconds": "fast"},
        {"images": -1},
        {"images": 1.5},
        {"device": "x" * 201},
        {"device": None},
        {"device": "\ud800"},
        {"host": "here"},
    ],
)
def test_a_cost_that_does_not_fit_is_left_out(tmp_path, fabric, change):
    path = tmp_path / "features.h5"
    with measured(path, fabric):
        write(path)
    beside = tmp_path / NAME
    beside.write_text(json.dumps({**json.loads(beside.read_text()), **change}))

    assert cost_of(path) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"3", b"{" * 5000, b'{"features": ', b"\xff\xfe", b"[" * 4000])
def test_a_cost_that_is_no_json_of_ours_is_left_out(tmp_path, content):
    path = tmp_path / "features.h5"
    write(path)
    (tmp_path / NAME).write_bytes(content)

    assert cost_of(path) is None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("processor\t: 0\nmodel\t\t: 1\nmodel name\t: A  Chip (R)\x07 3\nmodel name\t: another\n", "cpu, A Chip (R) 3"),
        ("model name\t: " + "x" * 500, "cpu, " + "x" * 150),
        ("model name\t: a: b\n", "cpu, a: b"),
        ("processor\t: 0\nFeatures\t: fp asimd\n", "cpu"),
        ("", "cpu"),
    ],
)
def test_a_processor_is_named_by_its_model(tmp_path, monkeypatch, fabric, lines, expected):
    (tmp_path / "cpuinfo").write_text(lines)
    monkeypatch.setattr(host, "PROCESSORS", tmp_path / "cpuinfo")

    assert device_name(fabric) == expected


def test_a_system_that_does_not_tell_its_processor_leaves_the_kind_alone(tmp_path, monkeypatch, fabric):
    monkeypatch.setattr(host, "PROCESSORS", tmp_path / "none")

    assert device_name(fabric) == "cpu"
