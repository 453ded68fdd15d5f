"""Files that never end, never begin, claim more than there is or speak to the terminal: one message each, at once."""

import io
import os
import zipfile

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from harness import write_features
from harness.boxes.reading import read_boxes
from harness.cli import main
from harness.data.pictures import MAX_SCANS, decode
from harness.errors import BenchError, DataError, FeatureError
from harness.features import FeatureFile

TABLE = "path,vehicle,camera,split\na.jpg,1,1,query\nb.jpg,1,2,gallery\nc.jpg,2,2,gallery\n"
TASK = "[tasks.main]\n"


def bench(*words):
    done = CliRunner().invoke(main, list(map(str, words)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture
def own(tmp_path):
    """Write data of a user's own, and return the protocol's file."""

    def write(toml=TASK, table=TABLE):
        (tmp_path / "images.csv").write_text(table)
        (tmp_path / "t.toml").write_text('table = "images.csv"\n' + toml)
        return tmp_path / "t.toml"

    return write


PIPE = getattr(os, "mkfifo", None)
ENDLESS = {"a pipe": PIPE, "a device": lambda path: path.symlink_to("/dev/zero")}
endless = pytest.mark.skipif(PIPE is None, reason="this system has no pipes and devices by name")


@endless
@pytest.mark.parametrize("found", ENDLESS)
@pytest.mark.parametrize("name", ["images.csv", "t.toml"])
def test_a_table_or_protocol_without_end_is_refused_at_once(own, found, name):
    path = own().with_name(name)
    path.unlink()
    ENDLESS[found](path)

    done = bench("data", "check", path.with_name("t.toml"))

    assert done.exit_code == 2
    assert "is no regular file" in done.output
    assert f"found: {found}" in done.output


@endless
@pytest.mark.parametrize("found", ENDLESS)
@pytest.mark.parametrize("verb", ["eval", "report"])
def test_features_without_end_are_refused_at_once(own, tmp_path, found, verb):
    protocol = own()
    ENDLESS[found](tmp_path / "f.h5")

    done = bench(verb, tmp_path / "f.h5", *(["--protocol", protocol] if verb == "eval" else ["--task", protocol]))

    assert done.exit_code == 2
    assert "the feature file is no regular file" in done.output
    assert f"found: {found}" in done.output


@endless
@pytest.mark.parametrize("found", ENDLESS)
@pytest.mark.parametrize("name", ["boxes.json", "boxes.h5"])
def test_boxes_without_end_are_refused_at_once(tmp_path, found, name):
    ENDLESS[found](tmp_path / name)

    with pytest.raises(DataError, match="the file of boxes is no regular file"):
        read_boxes(tmp_path / name)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("x = " + "[" * 900 + "]" * 900 + "\n" + TASK, "nested"),
        (f"version = {'9' * 5000}\n{TASK}", "more than 64 bits"),
        (f'{TASK}measures = ["cmc@{"9" * 5000}"]\n', "a cutoff from 1 to 999,999,999"),
        (f'root = "."\ntable = "im\\u0000ages.csv"\n{TASK}', "not valid TOML"),
    ],
)
def test_toml_made_to_exhaust_a_parser_gets_one_message(own, toml, said):
    done = bench("data", "check", own(toml))

    assert done.exit_code == 2
    assert said in done.output
    assert len(done.output) < 2000


def test_a_nul_in_the_name_of_the_table_gets_one_message(own):
    path = own()
    path.write_text('table = "im\\u0000ages.csv"\n' + TASK)

    done = bench("data", "check", path)

    assert done.exit_code == 2
    assert "the table cannot be read" in done.output
    assert "im\\x00ages.csv" in done.output


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b"])
def test_a_name_that_no_file_can_have_gets_one_message(own, name):
    done = bench("eval", name, "--protocol", own())

    assert done.exit_code == 2
    assert "no file can have this name" in done.output
    assert len(done.output) < 500


@pytest.mark.parametrize("field", ["x" * 200_000, '"' + "x" * 200_000 + '"'])
def test_a_header_of_a_letter_soup_gets_one_message(own, field):
    done = bench("data", "check", own(table=f"path,vehicle,{field}\na.jpg,1,1\n"))

    assert done.exit_code == 2
    assert "first line cannot be read" in done.output
    assert len(done.output) < 1000


@pytest.mark.parametrize("text", ["<html><title>Sign in</title>", "404: Not Found", "version https://git-lfs.github"])
def test_a_page_or_pointer_given_as_features_is_said_to_be_one(own, tmp_path, text):
    (tmp_path / "f.h5").write_text(text)

    done = bench("eval", tmp_path / "f.h5", "--protocol", own())

    assert "this is not a feature file" in done.output
    assert "damaged" not in done.output


def test_names_do_not_reach_the_terminal_as_commands(own):
    table = TABLE.replace("a.jpg,1", "a\u202e.jpg,plate \x1b[31m\x07").replace("b.jpg,1", "b.jpg,plate \x1b[31m\x07")
    title = '"\\u001b[2J\\u202e"'
    path = own(f"title = {title}\n{TASK}about = {title}\n", table)

    for words in (("data", "check", path), ("protocols", "show", path), ("protocols", "show", path, "--json")):
        done = bench(*words)
        assert all(sign.isprintable() or sign == "\n" for sign in done.output), words
    assert '"title": "\\u001b[2J\\u202e"' in done.output


def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded(tmp_path):
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(
        out, "JPEG", progressive=True
    )
    content = out.getvalue()
    scan = content[content.rindex(b"\xff\xda") : -2]
    (tmp_path / "usual.jpg").write_bytes(content)
    (tmp_path / "many.jpg").write_bytes(content[:-2] + scan * 2000 + content[-2:])

    assert decode(tmp_path / "usual.jpg", (16, 16)).shape == (3, 16, 16)
    with pytest.raises(DataError, match="too many scans") as caught:
        decode(tmp_path / "many.jpg", (16, 16))
    assert str(MAX_SCANS) in str(caught.value)


def test_features_whose_keys_are_a_hole_in_the_disk_are_refused_before_they_are_read(tmp_path):
    path = write_features(tmp_path / "f.h5", ["a.jpg"], [[1.0]], dataset="t", method="m")
    with h5py.File(path, "r+") as file:
        del file["keys"]
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        made.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        kind = h5py.h5t.py_create(np.dtype("S1024"), logical=True)
        h5py.h5d.create(file.id, b"keys", kind, h5py.h5s.create_simple((14_000_000,)), made)
    assert path.stat().st_size > 13 << 30

    with pytest.raises(FeatureError, match="read at once"):
        FeatureFile.open(path)


def test_a_bomb_of_numbers_is_refused_before_it_is_unpacked(own, tmp_path):
    with zipfile.ZipFile(tmp_path / "f.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        out = io.BytesIO()
        np.save(out, np.zeros((3, 6_000_000), np.float32))
        archive.writestr("features.npy", out.getvalue())

    words = ("--protocol", own(), "--method", "m", "--out", tmp_path / "out.h5")
    done = bench("features", "import", tmp_path / "f.npz", *words)

    assert done.exit_code == 2
    assert "more than 32 times" in done.output


def test_two_plugin_files_of_one_name_are_named(tmp_path):
    files = [tmp_path / folder / "mine.py" for folder in "ab"]
    for file in files:
        file.parent.mkdir()
        file.write_text("")

    done = bench("methods", "--plugin", files[0], "--plugin", files[1])

    assert done.exit_code == 2
    assert "two plugin files have one name" in done.output
    assert f"{files[0]} and {files[1]}" in done.output


@pytest.mark.parametrize("content", [b"404: Not Found", b"<html><title>Sign in</title>", b""])
def test_what_was_saved_in_place_of_a_checkpoint_is_said_to_be_that(tmp_path, content):
    from harness.methods.checkpoint import load_checkpoint

    (tmp_path / "c.safetensors").write_bytes(content)

    with pytest.raises(BenchError) as caught:
        load_checkpoint(tmp_path / "c.safetensors")
    assert "damaged" not in str(caught.value)
    assert "code" not in str(caught.value)
