"""Devices are opened once, missing ones give a clear error, and torch's settings are restored."""

from __future__ import annotations

import logging

import pytest
import torch

from harness.compute import devices
from harness.compute.compute import Compute
from harness.compute.devices import _processes, has_bfloat16, open_fabric, undisturbed
from harness.errors import UsageError

CPU = Compute(device="cpu")


def test_a_process_opens_its_devices_once():
    assert open_fabric(CPU) is open_fabric(Compute(device="cpu"))
    assert (open_fabric(CPU).world_size, open_fabric(CPU).device.type) == (1, "cpu")


def test_a_number_of_gpus_that_nobody_has_is_refused():
    with pytest.raises(UsageError, match="cannot run on 'cuda' with 4096 devices in 32-true"):
        open_fabric(Compute(device="cuda", devices=4096))


def test_a_block_on_a_processor_is_deterministic_and_ends_as_it_began():
    before = torch.get_rng_state()

    def work() -> None:
        with undisturbed(open_fabric(CPU)):
            assert torch.are_deterministic_algorithms_enabled()
            torch.manual_seed(3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()


def test_under_torchrun_the_number_of_processes_is_torchruns(monkeypatch: pytest.MonkeyPatch):
    assert _processes(Compute(devices=2, nodes=3)) == (2, 3)
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}.items():
        monkeypatch.setenv(name, value)
    assert _processes(Compute(devices=1)) == (4, 2)


@pytest.mark.parametrize(
    ("device", "gpu", "processor", "expected"),
    [
        ("cpu", True, True, True),
        ("cpu", True, False, False),
        ("auto", None, True, True),
        ("auto", None, False, False),
        ("auto", True, False, True),
        ("auto", False, True, False),  # the GPU is what it would run on
        ("cuda", True, False, True),
        ("cuda", False, True, False),
        ("gpu", False, True, False),
        ("mps", None, True, False),
    ],
)
def test_bfloat16_is_asked_of_the_device_that_the_word_stands_for(
    monkeypatch: pytest.MonkeyPatch, device: str, gpu: bool | None, processor: bool, expected: bool
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu is not None)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: gpu and not including_emulation)
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: processor)

    assert has_bfloat16(device) is expected


def test_lightning_does_not_announce_the_precision(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(logging.getLogger("lightning_fabric"), "propagate", True)

    with caplog.at_level(logging.INFO), caplog.at_level(logging.INFO, "lightning_fabric"):
        fabric = open_fabric.__wrapped__(Compute(device="cpu", precision="bf16-mixed"))

    assert fabric.strategy.precision.precision == "bf16-mixed"
    assert caplog.messages == []
