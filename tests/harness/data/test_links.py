"""No key leads out of a data set's folder, unless the user lets links do so."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.data.dataset import Dataset
from harness.data.links import follow_links, following, locate
from harness.errors import DataError
from harness.registry.registry import load
from harness.tasks.check import check_copy
from tests.tiny import write_jpeg


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_jpeg(tmp_path / "images" / "0.jpg", (200, 50, 50), seed=0)
    return tmp_path


@pytest.mark.parametrize("key", ["../outside.jpg", "images/../../outside.jpg", "/etc/hosts", "", "."])
def test_a_key_may_not_leave_the_folder(folder: Path, key: str):
    (folder.parent / "outside.jpg").write_bytes(b"x")
    with pytest.raises(DataError):
        locate(folder, key, follow_links=False)


def test_a_link_may_not_leave_the_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    outside = tmp_path_factory.mktemp("elsewhere") / "a.jpg"
    write_jpeg(outside, (1, 2, 3), seed=0)
    (folder / "link.jpg").symlink_to(outside)
    (folder / "inside.jpg").symlink_to(folder / "images/0.jpg")
    with pytest.raises(DataError, match="by a link"):
        locate(folder, "link.jpg", follow_links=False)
    assert locate(folder, "inside.jpg", follow_links=False) == folder / "inside.jpg"


def test_a_missing_image_and_a_folder_are_no_images(folder: Path):
    for key in ("images/9.jpg", "images"):
        with pytest.raises(DataError, match="no such image"):
            locate(folder, key, follow_links=False)


def test_links_are_followed_only_where_the_user_allows_it(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    outside = tmp_path_factory.mktemp("store") / "a.jpg"
    write_jpeg(outside, (1, 2, 3), seed=0)
    (folder / "link.jpg").symlink_to(outside)

    with pytest.raises(DataError, match="by a link") as refused:
        Dataset(folder, {}).file("link.jpg")
    assert "--follow-links" in str(refused.value.next_step)
    with follow_links():
        dataset = Dataset(folder, {})
        with follow_links(None):
            assert following()
    assert dataset.file("link.jpg") == folder / "link.jpg"
    assert not following()
    with pytest.raises(DataError, match="leads out"):
        dataset.file("../x.jpg")


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """The file of a protocol whose folder of images is a link to a store, with a link in a circle inside of it."""
    rows = [("q.jpg", 1, "query", 1), ("g.jpg", 1, "gallery", 2), ("h.jpg", 2, "gallery", 2)]
    for name, vehicle, *_ in rows:
        write_jpeg(tmp_path / "store" / name, (90 * vehicle, 50, 50), seed=vehicle)
    (tmp_path / "store" / "circle").symlink_to(tmp_path / "store")
    (tmp_path / "cars").mkdir()
    (tmp_path / "cars" / "images").symlink_to(tmp_path / "store")
    lines = "".join(f"images/{name},{vehicle},{split},{camera}\n" for name, vehicle, split, camera in rows)
    (tmp_path / "cars" / "images.csv").write_text("path,vehicle,split,camera\n" + lines)
    (tmp_path / "cars" / "cars.toml").write_text('table = "images.csv"\n[tasks.main]\n')
    return tmp_path / "cars" / "cars.toml"


def test_a_linked_folder_is_refused_with_the_words_that_allow_it(linked: Path):
    done = CliRunner().invoke(main, ["data", "check", str(linked)])

    assert done.exit_code == 1
    assert "3 of 3 images lie outside of the data set's folder, behind a link: images/" in done.output
    assert "allow it with --follow-links, or with follow_links = true" in done.output


@pytest.mark.parametrize("option", [True, False])
def test_a_linked_folder_is_read_by_an_option_or_by_the_protocols_file(linked: Path, option: bool):
    if option:
        done = CliRunner().invoke(main, ["data", "check", str(linked), "--follow-links"])
        assert (done.exit_code, done.exception) == (0, None), done.output
        assert "decoded images: 3" in done.output
    else:
        linked.write_text("follow_links = true\n" + linked.read_text())
        protocol = load().protocol(str(linked))
        assert check_copy(protocol, linked.parent).status == 0
