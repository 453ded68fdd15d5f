"""The machine as the system describes it, on systems that describe more and less."""

from __future__ import annotations

import os

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


def test_processors_are_counted_where_a_system_cannot_tell_those_of_a_process(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {1, 2, 3})
    assert host.processors() == 3

    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS and Windows
    assert host.processors() == 12

    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert host.processors() == 1


def test_the_folder_for_what_is_kept_is_the_users_word_or_the_systems(monkeypatch):
    monkeypatch.setenv(host.CACHE, "/somewhere/else")
    assert host.cache_folder().as_posix() == "/somewhere/else"

    monkeypatch.delenv(host.CACHE)
    assert host.cache_folder().name == "vehicle-reid-bench"
