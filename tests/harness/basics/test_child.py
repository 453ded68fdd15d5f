import signal
import sys

import pytest

from harness.basics import child
from harness.basics.child import ChildFailedError, Limits, call
from harness.errors import DataError

FEW = Limits(30, 1 << 20, 1 << 20)
LIMITED = pytest.mark.skipif(sys.platform != "linux", reason="other systems may not know the limits")


def called(function, *words, limits=FEW):
    return call(f"tests.harness.basics.called:{function}", list(words), limits)


def test_the_answer_is_what_the_function_returns_and_not_what_it_prints():
    assert called("tell", "ä", "")["words"] == ["ä", ""]


def test_the_process_knows_neither_the_environment_nor_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORD_OF_THE_USER", "1")
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("PYTHONPATH", f".:{tmp_path / 'packages'}:")

    told = called("tell")

    assert not {"WORD_OF_THE_USER", "LD_PRELOAD"} & set(told["environment"])
    assert str(tmp_path / "packages") in told["path"]
    assert not {"", ".", str(tmp_path)} & set(told["path"])


def test_an_error_for_the_user_is_raised_as_it_was():
    with pytest.raises(DataError) as caught:
        called("refuse", "/data/list.txt")

    assert str(caught.value) == "a row is wrong\n  where: /data/list.txt\n  found: 3\n  next: correct it"


@LIMITED
def test_more_memory_than_allowed_is_one_message(monkeypatch):
    monkeypatch.setattr(child, "SPARE", 1 << 30)

    assert called("fill", str(1 << 20)) == {"bytes": 1 << 20}
    with pytest.raises(ChildFailedError, match="it needs more than 1,025 MiB of memory"):
        called("fill", str(2 << 30))


@LIMITED
def test_a_longer_file_than_allowed_is_not_written(tmp_path):
    with pytest.raises(ChildFailedError, match=r"ended with status 1\. OSError.*File too large"):
        called("write", str(tmp_path / "file"), str(2 << 20))

    assert (tmp_path / "file").stat().st_size <= 1 << 20


@pytest.mark.parametrize("function", ["loop", "wait"])
def test_a_process_that_does_not_end_is_ended(function):
    with pytest.raises(ChildFailedError, match="not done within 2 seconds"):
        called(function, limits=Limits(2, 0, 1 << 20))


def test_a_process_that_crashes_is_one_message():
    with pytest.raises(ChildFailedError, match=r"ended with status -?\d+"):
        called("crash")


def test_a_system_without_limits_still_gets_the_answer(monkeypatch):
    monkeypatch.delattr(signal, "SIGXCPU")  # as on Windows, where it would be taken for the status 0

    assert called("tell", "a")["words"] == ["a"]


def test_limits_that_a_system_does_not_know_are_left_out(monkeypatch):
    import resource

    set_limits = []
    monkeypatch.delattr(resource, "RLIMIT_AS")
    monkeypatch.setattr(resource, "setrlimit", lambda what, _values: set_limits.append(what))
    child._limit(1, 1, 1)

    assert set_limits == [resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE]
