"""The machine as the system describes it, on systems that describe more and less."""

from __future__ import annotations

import psutil
import pytest

from harness.basics import host


@pytest.fixture(autouse=True)
def forgotten_flags():
    host.processor_flags.cache_clear()
    yield
    host.processor_flags.cache_clear()


@pytest.mark.parametrize(("limit", "used", "free"), [("1000", "300", 700), ("300", "1000", 0), ("max", "300", 10**18)])
def test_the_control_group_limits_the_free_memory(tmp_path, monkeypatch, limit, used, free):
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text(f"{used}\n")
    monkeypatch.setattr(host, "GROUP", tmp_path)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 10**18}))

    assert host.free_memory(0) == free


def test_without_any_word_from_the_system_the_free_memory_is_the_callers_guess(tmp_path, monkeypatch):
    def unknown():
        raise FileNotFoundError("/proc/meminfo")

    monkeypatch.setattr(host, "GROUP", tmp_path)
    monkeypatch.setattr(psutil, "virtual_memory", unknown)

    assert host.free_memory(12345) == 12345


def test_flags_and_vendor_are_those_of_the_first_processor(tmp_path, monkeypatch):
    one = "vendor_id\t: AuthenticAMD\nmodel name\t: A Chip\nflags\t\t: fpu avx512_bf16\n"
    (tmp_path / "cpuinfo").write_text(one + one.replace("fpu", "other"))
    monkeypatch.setattr(host, "PROCESSORS", tmp_path / "cpuinfo")

    assert host.processor_flags() == {"AuthenticAMD", "fpu", "avx512_bf16"}
    assert host.processor_model().strip() == "A Chip"


def test_a_system_that_does_not_describe_its_processor_has_no_flags(tmp_path, monkeypatch):
    monkeypatch.setattr(host, "PROCESSORS", tmp_path / "none")

    assert host.processor_flags() == frozenset()
    assert host.processor_model() == ""
