"""Compiled loops on disk: used only if they are whole, this user's and of this version; never needed."""

import hashlib
import logging
import os
import pickle
import time
from types import SimpleNamespace

import numba
import numpy as np
import pytest
from numba.core.registry import cpu_target

from harness.kernel.compiling import kept
from harness.kernel.compiling.kept import DIGEST, FOLDER, SETS, UNUSED, Kept, remove_unused

FLOATS = (numba.float64[::1],)


def loop_of(sources="sources"):
    """Return a loop as a new process has it."""

    def total(values):
        found = 0.0
        for value in values:
            found += value
        return found

    loop = numba.njit(_nrt=False)(total)
    loop._cache = Kept(total, sources)
    return loop


def called(loop):
    """Call a loop; return whether it came from the disk."""
    assert loop(np.array([1.0, 2.5])) == 3.5
    return sum(loop.stats.cache_hits.values()) == 1


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty cache folder of a process that has said nothing yet."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    kept._say_once.cache_clear()
    kept._mark_used.cache_clear()
    return tmp_path / "cache" / FOLDER


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def make_set(folder, name, *, age=0.0):
    (folder / name).mkdir(parents=True)
    (folder / name / "count.count_tile-0123").write_bytes(b"x")
    os.utime(folder / name, (time.time() - age,) * 2)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_loop_is_compiled_once_and_then_read(folder):
    assert not called(loop_of())
    (file,) = files(folder)
    written = file.stat().st_mtime_ns

    assert called(loop_of())
    assert file.stat().st_mtime_ns == written
    assert loop_of().stats.cache_path == str(folder)


@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "no loop", "too large", "a folder"])
def test_a_damaged_file_is_compiled_again_and_replaced_if_it_can_be(folder, damage, monkeypatch):
    called(loop_of())
    (file,) = files(folder)
    content = file.read_bytes()
    nothing = pickle.dumps((1, 2))
    if damage == "a folder":
        file.unlink()
        file.mkdir()
    elif damage == "too large":
        monkeypatch.setattr(kept, "MOST", len(content) - 1)
    else:
        file.write_bytes({
            "cut": content[:-100],
            "empty": b"",
            "changed": content[:DIGEST] + bytes([content[DIGEST] ^ 1]) + content[DIGEST + 1 :],
            "no loop": hashlib.sha256(nothing).digest() + nothing,
        }[damage])  # fmt: skip

    assert not called(loop_of())

    monkeypatch.undo()
    monkeypatch.setenv("BENCH_CACHE", str(folder.parent))
    assert called(loop_of()) == (damage != "a folder")


def test_another_version_or_processor_has_a_set_of_its_own(folder, monkeypatch):
    codegen = cpu_target.target_context.codegen()
    path = loop_of()._cache._path(FLOATS, codegen)
    triple, model, features = codegen.magic_tuple()
    other = SimpleNamespace(magic_tuple=lambda: (triple, model, f"{features},+another"))
    sets = {
        path.parent,
        loop_of()._cache._path(FLOATS, other).parent,
        loop_of("others")._cache._path(FLOATS, codegen).parent,
    }
    for module, version in ((kept.numba, "0.1"), (kept.llvmlite, "0.2")):
        monkeypatch.setattr(module, "__version__", version)
        sets.add(loop_of()._cache._path(FLOATS, codegen).parent)

    assert len(sets) == 5
    assert {found.parent for found in sets} == {folder}


def test_a_set_of_another_version_is_not_used_and_stays(folder):
    called(loop_of("older"))

    assert not called(loop_of("newer"))
    assert len(files(folder)) == 2
    assert called(loop_of("older"))


def test_without_a_folder_loops_work_and_one_line_says_so(folder, caplog):
    folder.parent.write_text("no folder can be made under a file")

    with caplog.at_level(logging.WARNING, "bench"):
        assert not called(loop_of())
        assert not called(loop_of("another"))

    (line,) = caplog.messages
    assert line.startswith(f"compiled loops cannot be kept in {folder} (")
    assert line.endswith("and every process compiles them again; name another folder in BENCH_CACHE")
    assert "\n" not in line
    assert loop_of().stats.cache_path is None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has other rights")
@pytest.mark.parametrize("whose", ["everybody", "another"])
def test_what_another_user_may_have_written_is_not_executed(folder, whose, monkeypatch, caplog):
    called(loop_of())
    (place,) = folder.iterdir()
    if whose == "everybody":
        place.chmod(0o777)
    else:
        monkeypatch.setattr(os, "getuid", lambda: place.stat().st_uid + 1)

    with caplog.at_level(logging.WARNING, "bench"):
        assert not called(loop_of())

    assert "another user may write there" in caplog.text


def test_a_new_set_removes_those_unused_for_long_and_leaves_what_is_not_ours(folder):
    make_set(folder, "0" * 16, age=UNUSED + 60)
    make_set(folder, "1" * 16, age=UNUSED - 60)
    make_set(folder, "my own folder", age=UNUSED + 60)
    make_set(folder, "2" * 15, age=UNUSED + 60)

    called(loop_of())

    (new,) = {path.parent.name for path in files(folder) if path.name.startswith("test_kept.")}
    assert names(folder) == sorted(["1" * 16, "my own folder", "2" * 15, new])


def test_of_many_sets_those_used_last_stay(folder):
    for number in range(SETS + 2):
        make_set(folder, f"{number:016x}", age=60.0 * number)
    make_set(folder, "f" * 16, age=9999)

    remove_unused(folder / ("f" * 16))

    assert names(folder) == [*(f"{number:016x}" for number in range(SETS - 1)), "f" * 16]


def test_a_set_in_use_counts_as_used_now(folder):
    called(loop_of("older"))
    (place,) = folder.iterdir()
    os.utime(place, (1, 1))
    kept._mark_used.cache_clear()

    called(loop_of("older"))
    called(loop_of("newer"))

    assert place.is_dir()
    assert len(names(folder)) == 2


def test_a_link_in_place_of_a_set_is_neither_followed_nor_removed(folder, tmp_path):
    make_set(tmp_path, "a" * 16)
    folder.mkdir(parents=True)
    (folder / ("a" * 16)).symlink_to(tmp_path / ("a" * 16))
    os.utime(tmp_path / ("a" * 16), (1, 1))

    called(loop_of())

    assert files(tmp_path / ("a" * 16))
    assert (folder / ("a" * 16)).is_symlink()


def test_a_process_whose_set_was_removed_goes_on_and_makes_it_again(folder):
    loop = loop_of()
    called(loop)
    for file in files(folder):
        file.unlink()
    (place,) = folder.iterdir()
    place.rmdir()

    assert loop(np.array([1.0])) == 1.0
    assert loop(np.array([1.0, 2.0], dtype=np.float32)) == 3.0
    assert len(files(folder)) == 1
