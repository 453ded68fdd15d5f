"""``--post`` as a user types it, on a data set of lists alone, with a step of a third party."""

import json
from pathlib import Path

import numpy as np
import pytest

import harness
from harness.errors import RecordError, UsageError
from harness.registry.registry import load
from harness.scoring.record import read_record, write_record
from tests.harness.cli.test_rerank import PLUGIN, bench, features  # noqa: F401 - the fixture

STEP = """
import numpy as np
import harness
from pydantic import Field

class ShiftOptions(harness.Options):
    by: float = Field(0.5, ge=0)

class Shift(harness.Step):
    about = "adds a number to the first column"
    Options = ShiftOptions
    needs = frozenset({"camera"})

    def apply(self, sets):
        assert (sets.query_table.vehicle == -1).all() and (sets.gallery_table.vehicle == -1).all()
        def shifted(side):
            rows = sets.rows(side).copy()
            rows[:, 0] += np.float32(self.options.by)
            return rows
        return sets.changed(query=shifted("query"), gallery=shifted("gallery"))

@harness.hookimpl
def bench_register_steps(register):
    register("shift", Shift)
"""
TASK = "listed/image-to-image"


@pytest.fixture
def with_step(features):  # noqa: F811 - the fixture
    Path("step.py").write_text(STEP)
    return features


def rows_of(*words, protocol="listed", status=0):
    done = bench("eval", "f.h5", *words, "--json", protocol=protocol, status=status)
    return json.loads(done.stdout) if status == 0 else done.output


@pytest.mark.usefixtures("features")
def test_eval_names_the_chain_and_keeps_the_fingerprint():
    found, plain = rows_of("--post", "camera-mean", "--post", "alpha-qe:k=4", protocol=TASK), rows_of(protocol=TASK)

    assert [row["post"] for row in found] == [
        [{"step": "camera-mean", "options": {}}, {"step": "alpha-qe", "options": {"alpha": 3.0, "k": 4}}]
    ]
    assert found[0]["chosen"] == "test"
    assert found[0]["rerank"] is None
    assert "post" not in plain[0]
    assert found[0]["fingerprint"] == plain[0]["fingerprint"]
    assert found[0]["measures"] != plain[0]["measures"]


@pytest.mark.usefixtures("features")
def test_the_order_given_is_the_order_done():
    one, other = (
        rows_of(*words, protocol=TASK)[0]["measures"]
        for words in (
            ("--post", "dba:k=9", "--post", "camera-mean"),
            ("--post", "camera-mean", "--post", "dba:k=9"),
        )
    )

    assert one != other


@pytest.mark.usefixtures("features")
def test_re_ranking_as_a_step_alone_is_re_ranking():
    words = [("--rerank", "k1=5,k2=3,lambda=0.4"), ("--post", "rerank:k1=5,k2=3,lambda=0.4")]
    one, other = (rows_of(*both, "--record", f"r{number}") for number, both in enumerate(words))

    assert one == other
    names = [sorted(path.name for path in Path(folder).iterdir()) for folder in ("r0", "r1")]
    assert names[0] == names[1]
    for name in names[0]:
        assert (Path("r0") / name).read_bytes() == (Path("r1") / name).read_bytes()
    record = next(read_record(path) for path in Path("r0").glob("record-*.json"))
    assert not {"post", "chosen", "tuned"} & record.values.keys()
    assert record.chain.chosen == "test"


@pytest.mark.usefixtures("features")
def test_python_gives_the_same_and_marks_it():
    registry = load([Path("plugin.py")])
    scores = harness.evaluate("f.h5", TASK, data=".", post=["qe:k=3", "rerank"], registry=registry)

    (row,) = rows_of("--post", "qe:k=3", "--post", "rerank", protocol=TASK)
    assert dict(scores.mean) == row["measures"]
    assert str(scores.post) == "qe (k=3) + re-ranking (20, 6, 0.3)"
    assert scores.rerank is None
    with pytest.raises(UsageError, match="post is a text"):
        harness.evaluate("f.h5", TASK, data=".", post="qe", registry=registry)
    with pytest.raises(UsageError, match="re-ranking is given twice"):
        harness.evaluate("f.h5", TASK, data=".", post=["qe"], rerank=harness.Reranking(), registry=registry)


@pytest.mark.usefixtures("features")
def test_a_table_names_the_chain_and_how_its_parameters_were_chosen():
    text = bench("eval", "f.h5", "--post", "qe", "--post", "rerank:k1=5", protocol=TASK).stdout

    assert "mine + qe (k=5) + re-ranking (5, 6, 0.3)" in text
    assert "- After qe (k=5) + re-ranking (5, 6, 0.3), with parameters chosen on the test." in text
    paper = bench("eval", "f.h5", "--post", "qe", "--conventions", "all", protocol=TASK).stdout
    assert "- After qe (k=5), with the parameters of their sources." in paper


@pytest.mark.usefixtures("features")
def test_a_record_is_found_again_and_every_chain_has_its_own():
    words = [(), ("--post", "qe"), ("--post", "qe:k=4"), ("--rerank",), ("--post", "qe", "--post", "rerank")]
    for chain in words:
        rows_of(*chain, "--record", "records", protocol=TASK)
    paths = sorted(Path("records").glob("record-*.json"))
    times = {path: path.stat().st_mtime_ns for path in paths}
    rows_of("--post", "qe:k=4", "--record", "records", protocol=TASK)

    assert len(paths) == len(words)
    assert {path: path.stat().st_mtime_ns for path in paths} == times
    chosen = {str(read_record(path).chain): read_record(path).chosen for path in paths}
    assert chosen == {
        "": "",
        "qe (k=5)": "paper",
        "qe (k=4)": "test",
        "re-ranking (20, 6, 0.3)": "",
        "qe (k=5) + re-ranking (20, 6, 0.3)": "paper",
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--post", "nope"], "unknown step 'nope'"),
        (["--post", "qe:m=3"], "unknown parameter of step 'qe' 'm'"),
        (["--post", "qe:k=0"], "parameter 'k' of step 'qe' does not fit"),
        (["--post", "rerank", "--post", "qe"], "the order of the steps means nothing"),
        (["--post", "flip"], "the feature file has no features of mirrored pictures"),
        (["--post", "qe", "--rerank"], "re-ranking is given twice"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
@pytest.mark.usefixtures("features")
def test_wrong_words_get_one_message(words, message):
    output = rows_of(*words, status=2)

    assert message in output
    assert output.lower().count("error") <= 1


@pytest.mark.usefixtures("features")
def test_tasks_for_which_a_step_means_nothing_are_left_out_or_refused_by_name(caplog):
    bench("eval", "f.h5", "--post", "dba")

    assert [record.getMessage() for record in caplog.records if "skipped" in record.getMessage()] == [
        f"listed/{task} is skipped: step 'dba' is not defined for draws or for the mean feature of a track"
        for task in ("drawn", "by-mean")
    ]
    assert "leave --post dba out" in rows_of("--post", "dba", protocol="listed/drawn", status=2)
    assert rows_of("--post", "camera-mean", protocol="listed/by-mean")[0]["chosen"] == "paper"


@pytest.mark.usefixtures("with_step")
def test_a_step_of_a_plugin_file_works_from_the_command_to_the_record():
    place = ["--plugin", "step.py", "--record", "records"]
    (row,) = rows_of("--post", "shift:by=2", "--post", "rerank", *place, protocol=TASK)
    (plain,) = rows_of("--post", "shift:by=0", "--post", "rerank", *place, protocol=TASK)

    assert row["post"][0] == {"step": "shift", "options": {"by": 2.0}}
    assert (row["chosen"], plain["chosen"]) == ("test", "test")
    assert row["measures"] != plain["measures"]
    assert sorted(str(read_record(path).chain) for path in Path("records").glob("record-*.json")) == [
        "shift (by=0.0) + re-ranking (20, 6, 0.3)",
        "shift (by=2.0) + re-ranking (20, 6, 0.3)",
    ]
    assert "found: -1" in rows_of("--post", "shift:by=-1", *place, protocol=TASK, status=2)


@pytest.mark.usefixtures("with_step")
def test_the_features_that_a_step_makes_are_those_that_are_ranked(with_step):
    keys = list(with_step)
    shifted = np.stack([with_step[key] for key in keys])
    shifted[:, 0] += np.float32(0.5)
    registry = load([Path("plugin.py"), Path("step.py")])

    one = harness.evaluate("f.h5", TASK, data=".", post=["shift"], registry=registry)
    other = harness.evaluate((keys, shifted), TASK, data=".", registry=registry)

    assert dict(one.mean) == dict(other.mean)
    assert one.post.chosen == "paper"


@pytest.mark.usefixtures("features")
def test_a_record_with_other_parameters_than_it_says_is_refused_when_it_is_read():
    rows_of("--post", "qe:k=4", "--record", "records", protocol=TASK)
    (path,) = Path("records").glob("record-*.json")
    record = read_record(path)
    write_record(path, type(record).model_validate({**record.values, "chosen": "paper"}))

    with pytest.raises(RecordError, match="says that its parameters are those of the sources, and they are not"):
        read_record(path)


@pytest.mark.usefixtures("features")
def test_labels_that_the_data_lack_are_missed_before_anything_is_computed():
    Path("plugin.py").write_text(PLUGIN.replace("camera=rows // 5 % 3, ", ""))

    for words in (("eval", "f.h5"), ("run", "--method", "random")):
        output = bench(*words, "--post", "camera-mean", protocol="listed/image-to-track", status=2).output
        assert "step 'camera-mean' needs the camera of every image, and the data set does not have it" in output
        assert "leave --post camera-mean out" in output
    assert not Path("runs").exists()
