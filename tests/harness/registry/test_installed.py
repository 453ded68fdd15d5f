"""Verbs of installed distributions, by the files that installers write."""

import sys
import zipfile
from importlib.machinery import PathFinder
from importlib.metadata import entry_points

import pytest

from harness.registry.installed import GROUP, installed_verbs, load_verb


def install(site, name, points, ending=".dist-info"):
    folder = site / f"{name}-1.0{ending}"
    folder.mkdir(parents=True)
    if points is not None:
        (folder / "entry_points.txt").write_bytes(points)
    return folder


@pytest.fixture
def finders():
    """Those of this process; another library may have brought its own in place of Python's."""
    return list(sys.meta_path)


@pytest.fixture
def sites(tmp_path, monkeypatch, finders):
    """Two folders that are all of Python's path."""
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), str(tmp_path / "second"), str(tmp_path / "none")])
    monkeypatch.setattr(sys, "meta_path", [PathFinder])
    return tmp_path / "first", tmp_path / "second"


def test_they_are_those_that_pythons_own_reader_finds():
    assert installed_verbs() == {found.name: found.value for found in entry_points(group=GROUP)}
    assert installed_verbs()["leaderboard"] == "leaderboard.commands.leaderboard:leaderboard"


def test_only_the_group_counts_and_spaces_and_comments_do_not(sites):
    text = b"[bench]\nother = a:b\n\n[ bench.commands ]\n# no = x:y\n spoil=a.b : c.d\nextra = a:b [pdf]\n[x]\nz = a:b"
    install(sites[0], "one", text)
    install(sites[1], "two", b"[bench.commands]\ntwo = c:d\n", ".egg-info")

    assert installed_verbs() == {"spoil": "a.b : c.d", "extra": "a:b [pdf]", "two": "c:d"}


def test_of_a_distribution_that_is_there_twice_the_first_on_the_path_counts(sites):
    install(sites[0], "Some.Thing", b"[bench.commands]\nverb = new:verb\n")
    install(sites[1], "some_thing", b"[bench.commands]\nverb = old:verb\nremoved = old:removed\n")

    assert installed_verbs() == {"verb": "new:verb"}


def test_what_cannot_be_read_is_passed_over(sites):
    install(sites[0], "broken", b"[bench.commands]\n\xff = a:b\n")
    install(sites[0], "empty", None)
    (install(sites[0], "folder", None) / "entry_points.txt").mkdir()
    install(sites[1], "whole", b"[bench.commands]\nverb = a:b\n")

    assert installed_verbs() == {"verb": "a:b"}


def test_an_archive_on_the_path_is_read_too(sites, tmp_path, monkeypatch, finders):
    monkeypatch.setattr(sys, "meta_path", finders)
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("packed-1.0.dist-info/METADATA", "Name: packed\nVersion: 1.0\n")
        archive.writestr("packed-1.0.dist-info/entry_points.txt", "[bench.commands]\npacked = a:b\n")
    install(sites[0], "one", b"[bench.commands]\none = c:d\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "packed.zip")])

    assert installed_verbs() == {"packed": "a:b", "one": "c:d"}


def test_a_verb_is_loaded_by_its_module_and_its_attributes():
    assert load_verb("os.path : join.__name__ [extra]") == "join"
    assert load_verb("os") is __import__("os")
