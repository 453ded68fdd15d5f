"""The default data set is kept in a cache, and drawn again if it is damaged."""

import shutil
from pathlib import Path

import pytest

import protocols.synthetic
from harness.errors import RunError
from protocols.synthetic.cache import code_digests, kept
from protocols.synthetic.description import damage, parameters
from tests.protocols.synthetic.drawn_sets import SMALL, child, content


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_first_use_draws_and_the_next_finds_what_stands(cache, small):
    root = kept(parameters(**SMALL))
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*.jpg")}

    assert root.parent == cache
    assert content(root) == content(small.root)
    assert kept(parameters(**SMALL)) == root
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.jpg")} == times


def flip(path: Path) -> None:
    held = bytearray(path.read_bytes())
    held[len(held) // 2] ^= 1
    path.write_bytes(held)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda root: flip(min((root / "image_test").iterdir())), "an image in image_test was changed"),
        (lambda root: max((root / "image_train").iterdir()).unlink(), "No such file"),
        (lambda root: flip(root / "boxes" / "parts.json"), "boxes/parts.json was changed"),
        (lambda root: (root / "name_test.txt").unlink(), "No such file"),
        (lambda root: (root / "synthetic.json").write_text("{"), "synthetic.json is missing"),
        (lambda root: (root / "synthetic.json").write_text('{"made": {}}'), "synthetic.json is missing"),
    ],
)
def test_a_damaged_set_is_named_in_the_log_and_drawn_again(cache, small, caplog, spoil, said):
    root = kept(parameters(**SMALL))
    spoil(root)
    assert damage(root, parameters(**SMALL)) is not None

    assert kept(parameters(**SMALL)) == root

    assert said in caplog.text
    assert content(root) == content(small.root)
    assert not list(cache.glob(".*.part"))


def test_what_a_killed_process_left_in_the_cache_is_cleared_away(cache):
    root = cache / kept(parameters(**{**SMALL, "seed": 5})).name
    left = cache / f".{root.name}.123-0123abcd.part"
    left.mkdir()
    (root / "synthetic.json").unlink()

    kept(parameters(**{**SMALL, "seed": 5}))

    assert not left.exists()


def test_two_processes_at_once_both_end_with_the_whole_set(cache, small):
    lines = ("from protocols.synthetic.cache import code_digests, kept", f"print(kept({parameters(**SMALL)!r}))")
    processes = [child(*lines, BENCH_CACHE=str(cache)) for _ in range(2)]
    roots = {process.communicate(timeout=60)[0].decode().strip() for process in processes}

    assert [process.returncode for process in processes] == [0, 0]
    assert len(roots) == 1
    assert content(Path(roots.pop())) == content(small.root)


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file"))

    with pytest.raises(RunError, match=r"(?s)cache cannot be written.*BENCH_CACHE"):
        kept(parameters(**SMALL))


def test_the_code_of_every_folder_decides_the_place_of_the_set_wherever_it_is_installed(tmp_path):
    digests = code_digests()
    here = Path(protocols.synthetic.__file__).parent
    shutil.copytree(here, tmp_path / "elsewhere")
    moved = code_digests(tmp_path / "elsewhere")
    changed = tmp_path / "elsewhere" / "vehicle" / "wheels.py"
    changed.write_text(changed.read_text() + "# changed")

    assert set(digests) >= {
        "plan.py",
        "vehicle/wheels.py",
        "vehicle/bodies.toml",
        "camera/drawing.py",
        "layouts/veri776.py",
    }
    assert moved == digests
    assert list(moved) == list(digests) == sorted(digests)
    assert {name for name, value in code_digests(tmp_path / "elsewhere").items() if value != digests[name]} == {
        "vehicle/wheels.py"
    }
