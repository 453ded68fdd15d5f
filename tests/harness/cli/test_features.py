"""The verbs that bring features in, check them and pass them on, word for word as a user writes them."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import savemat

import harness
from harness.cli import main
from harness.scoring.record import read_record


@pytest.fixture
def place(small_synthetic, tmp_path, monkeypatch):
    """A folder with features in a MATLAB file, as the scripts for Market-1501 and VeRi-776 write it."""
    monkeypatch.chdir(tmp_path)
    protocol, _ = harness.load().tasks("synthetic/image-to-image")
    dataset = protocol.load(small_synthetic)
    random = np.random.default_rng(0)
    content = {}
    for role in ("query", "gallery"):
        table = dataset.split(role)
        content[f"{role}_f"] = random.normal(size=(len(table), 6)).astype(np.float32)
        content |= {f"{role}_label": table.vehicle, f"{role}_cam": table.camera}
    savemat("x.mat", content)
    keys = [*dataset.split("query").paths, *dataset.split("gallery").paths]
    features = np.concatenate([content["query_f"], content["gallery_f"]])
    harness.write_features("right.h5", keys, features, dataset="synthetic", method="mine")
    return small_synthetic


def bench(*words, status=0):
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == status, done.output
    return done.output


def of(place):
    return "--protocol", "synthetic", "--data", place


def test_imported_features_are_scored_as_those_that_were_written(place):
    words = "features", "import", "x.mat", "--order", "query,gallery", *of(place), "--method", "mine"
    said = bench(*words, "--out", "f.h5")
    told = json.loads(bench(*words, "--out", "f.h5", "--force", "--json"))

    assert "f.h5: 146 features of 6 numbers, float32" in said
    assert "rows in the order of 'query'" in said
    assert "agree with the list, row by row" in said
    assert told["images"] == 146
    assert bench("eval", "f.h5", *of(place)) == bench("eval", "right.h5", *of(place))
    assert json.loads(bench("features", "info", "f.h5", "--json"))["digest"] == told["digest"]


def test_a_record_says_what_the_user_said(place):
    words = "--method", "mine/large", "--seed", 3, "--metric", "euclidean", "--out", "f.h5"
    bench("features", "import", "x.mat", "--order", "query,gallery", *of(place), *words)
    bench("eval", "f.h5", "--protocol", "synthetic/image-to-image", "--data", place, "--record", "out")

    (path,) = Path("out").glob("record-mine-large-synthetic-image-to-image-euclidean-*.json")
    record = read_record(path)
    assert (record.run_name, record.seed, record.metric, record.code) == ("mine/large", 3, "euclidean", None)


def test_the_order_of_a_list_is_printed_one_key_a_line(place):
    with harness.FeatureFile.open("right.h5") as file:
        keys = list(file.keys)
    query = bench("protocols", "keys", "synthetic", "--data", place, "--split", "query").splitlines()
    gallery = json.loads(bench("protocols", "keys", "synthetic", "--data", place, "--split", "gallery", "--json"))

    assert [*query, *gallery] == keys
    assert bench("protocols", "keys", "synthetic", "--data", place, "--split", "train").splitlines()
    assert "did you mean 'query'" in bench(
        "protocols", "keys", "synthetic", "--data", place, "--split", "qery", status=2
    )


def test_features_are_checked_changed_and_passed_on(place):
    assert "146 features are as they were written" in bench("features", "verify", "right.h5")
    assert bench("features", "export", "right.h5", "--to", "npy", "--out", "f.npy").split() == ["f.npy", "f.npy.txt"]
    said = bench("features", "quantise", "right.h5", "--to", "binary", "--out", "bits.h5")
    assert "% of the bits are 1" in said
    assert "Hamming" in said
    bench("features", "quantise", "right.h5", "--to", "int8", "--out", "small.h5")
    assert "type: int8" in bench("features", "info", "small.h5")
    assert "Hamming distance" in bench("eval", "bits.h5", *of(place))
    assert "146 of them more than once" in bench("features", "merge", "right.h5", "right.h5", "--out", "both.h5")


VERBS = {
    "import": ("import", "x.mat", "--order", "query,gallery", "--method", "mine"),
    "export": ("export", "right.h5", "--to", "npz"),
    "merge": ("merge", "right.h5"),
    "quantise": ("quantise", "right.h5", "--to", "int8"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_an_existing_file_is_replaced_only_with_force(place, verb):
    words = "features", *VERBS[verb], *(of(place) if verb == "import" else ()), "--out", "mine.h5"
    Path("mine.h5").write_bytes(b"mine")

    assert "the file exists already\n  where: mine.h5" in bench(*words, status=2)
    assert Path("mine.h5").read_bytes() == b"mine"
    bench(*words, "--force")
    assert Path("mine.h5").stat().st_size > 1000


def test_the_list_of_names_beside_an_exported_array_is_not_replaced_unasked(place):
    words = "features", "export", "right.h5", "--to", "npy", "--out", "f.npy"
    Path("f.npy.txt").write_text("mine")

    assert "where: f.npy.txt" in bench(*words, status=2)
    assert Path("f.npy.txt").read_text() == "mine"
    assert not Path("f.npy").exists()
    bench(*words, "--force")
    assert len(Path("f.npy.txt").read_text().splitlines()) == 146


def test_eval_names_the_command_that_imports(place):
    assert "bench features import x.mat" in bench("eval", "x.mat", *of(place), status=2)


def test_the_command_that_eval_names_works_as_it_is_printed(place):
    with harness.FeatureFile.open("right.h5") as file:
        Path("names.txt").write_text("\n".join(file.keys))
        Path("my features").mkdir()
        np.save("my features/all.npy", file.read(file.keys))

    said = bench("eval", "my features/all.npy", *of(place), status=2)
    named = said.partition("bench features import ")[2].splitlines()[0]
    bench("features", "import", *shlex.split(named.replace("--method NAME", "--method mine")))

    assert bench("eval", "features.h5", *of(place)) == bench("eval", "right.h5", *of(place))


def test_eval_takes_a_folder(place):
    Path("run").mkdir()
    Path("right.h5").rename("run/features.h5")

    assert "| mine " in bench("eval", "run", *of(place))
    assert "the folder has no feature file" in bench("eval", place, *of(place), status=2)


@pytest.mark.parametrize("name", ["", "/x", "a\nb", "x" * 101])
def test_a_method_needs_a_name_that_can_be_shown(place, name):
    words = "features", "import", "x.mat", "--order", "query,gallery", *of(place), "--out", "f.h5"

    assert "the method's name cannot be used" in bench(*words, "--method", name, status=2)
