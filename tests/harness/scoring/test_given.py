"""Records of a finished matrix: marked, with the matrix's digest, and never mistaken for records of features."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.cli import main
from harness.scoring.record import read_record

TASK = "synthetic/image-to-image"


@pytest.fixture
def place(small_synthetic, tmp_path, monkeypatch):
    """A folder with features and the matrix of their squared distances, in the order of the lists."""
    monkeypatch.chdir(tmp_path)
    protocol, (task,) = harness.load().tasks(TASK)
    dataset = protocol.load(small_synthetic)
    query, gallery = (dataset.split(name).paths for name in (task.query, task.gallery))
    random = np.random.default_rng(0)
    features = random.integers(-3, 4, (len(query) + len(gallery), 4))
    harness.write_features("f.h5", [*query, *gallery], features, dataset="synthetic", method="mine")
    squares = ((features[: len(query), None] - features[None, len(query) :]) ** 2).sum(-1)
    np.save("d.npy", squares.astype(np.float64))
    Path("q.txt").write_text("\n".join(Path(path).name for path in reversed(query)))
    Path("g.txt").write_text("\n".join(Path(path).stem for path in gallery))
    return small_synthetic


def bench(place, *words, task=TASK):
    where = ["--protocol", task, "--data", str(place)]
    return CliRunner().invoke(main, [*map(str, words), *where])


def imported(place, *words, task=TASK):
    done = bench(place, "distances", "import", *words, "--method", "mine", "--json", task=task)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_distances_give_the_measures_of_the_features(place):
    by_features = json.loads(bench(place, "eval", "f.h5", "--metric", "euclidean", "--json", task="synthetic").stdout)
    by_matrix = imported(place, "d.npy", task="synthetic")

    for one, other in zip(by_features, by_matrix, strict=True):
        assert other["metric"] == "given distances"
        for field in ("measures", "ties", "fingerprint", "queries", "ignored_queries"):
            assert one[field] == other[field]


@pytest.mark.parametrize("form", ["names", "transposed", "similarities", "labels"])
def test_every_form_of_the_matrix_gives_the_same_measures(place, form):
    expected = imported(place, "d.npy")[0]["measures"]
    matrix = np.load("d.npy")
    words: list[object] = []
    if form == "names":
        np.save("m.npy", matrix[::-1])
        words = ["m.npy", "--query-keys", "q.txt", "--gallery-keys", "g.txt"]
    elif form == "transposed":
        np.save("m.npy", matrix.T)
        words = ["m.npy"]
    elif form == "similarities":
        np.savez("m.npz", sim=-matrix, other=matrix)
        words = ["m.npz"]
    else:
        protocol, (task,) = harness.load().tasks(TASK)
        gallery = protocol.load(place).split(task.gallery)
        np.savez("m.npz", distmat=matrix, g_pids=gallery.vehicle, g_camids=gallery.camera)
        words = ["m.npz"]

    assert imported(place, *words)[0]["measures"] == expected


def test_a_record_of_a_matrix_is_marked_in_every_table_and_holds_its_digest(place):
    done = bench(place, "distances", "import", "d.npy", "--method", "mine", "--record", "out")
    (path,) = Path("out").glob("record-mine-synthetic-image-to-image-given-distances-*.json")
    record = read_record(path)

    assert "mine + given distances" in done.output
    assert "Ranked by given distances, a finished matrix" in done.output
    assert record.given
    assert not record.plain
    assert record.method_name == "mine + given distances"
    assert (record.width, record.dtype) == (np.load("d.npy").shape[1], "float64")
    np.save("other.npy", np.load("d.npy") + 1)
    bench(place, "distances", "import", "other.npy", "--method", "mine", "--record", "out")
    assert len({read_record(one).features for one in Path("out").glob("*.json")}) == 2


WRONG = {
    "nan": (lambda matrix: np.where(matrix == matrix[0, 0], np.nan, matrix), "the matrix holds NaN"),
    "too few rows": (lambda matrix: matrix[1:], "does not fit the protocol's lists"),
    "too many columns": (lambda matrix: np.hstack([matrix, matrix]), "does not fit the protocol's lists"),
    "truth values": (lambda matrix: matrix > 3, "truth values"),
    "strings": (lambda matrix: matrix.astype(str), "no such matrix"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_matrix_gets_one_message_and_no_record(place, case):
    change, message = WRONG[case]
    np.save("m.npy", change(np.load("d.npy")))

    done = bench(place, "distances", "import", "m.npy", "--method", "mine", "--record", "out")

    assert (done.exit_code, message in done.output) == (2, True), done.output
    assert not Path("out").exists()


def test_labels_of_another_order_are_refused(place):
    protocol, (task,) = harness.load().tasks(TASK)
    gallery = protocol.load(place).split(task.gallery)
    np.savez("m.npz", distmat=np.load("d.npy"), g_pids=gallery.vehicle[::-1])

    done = bench(place, "distances", "import", "m.npz", "--method", "mine")

    assert "the vehicles are not those of the list" in done.output


def test_of_two_lists_that_may_be_keys_none_is_taken(place):
    protocol, (task,) = harness.load().tasks(TASK)
    query = list(protocol.load(place).split(task.query).paths)
    np.savez("m.npz", distmat=np.load("d.npy"), query_names=query, query_paths=query[::-1])

    done = bench(place, "distances", "import", "m.npz", "--method", "mine")

    assert done.exit_code == 2
    assert "several lists that may be the keys" in done.output
    assert "--query-keys FILE" in done.output


def test_labels_are_compared_when_the_rows_have_keys_too(place):
    protocol, (task,) = harness.load().tasks(TASK)
    query = protocol.load(place).split(task.query)
    keyed = {"distmat": np.load("d.npy")[::-1], "query_names": list(query.paths[::-1])}
    np.savez("m.npz", **keyed, q_pids=query.vehicle[::-1])
    assert "vehicles ('q_pids')" in bench(place, "distances", "import", "m.npz", "--method", "mine").output

    for pids, message in ((query.vehicle, "keys are of other rows"), (query.vehicle[1:], "another number of vehicles")):
        np.savez("m.npz", **keyed, q_pids=pids)
        done = bench(place, "distances", "import", "m.npz", "--method", "mine")
        assert (done.exit_code, message in done.output) == (2, True), done.output
