import json

import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.errors import RecordError
from harness.scoring.record import read_record
from leaderboard.boards import build_boards
from leaderboard.costs import CostSession, read_session, write_session
from leaderboard.pages.pictures import draw_picture, drawable
from leaderboard.record_files import collect
from tests.harness.runs.made import PLUGIN
from tests.records import write_result


def session(**changes):
    fields = {"device": "cpu", "threads": 2, "images": 100, "quiet": True, "speeds": {"0" * 64: (5.0, 50.0, 10.0)}}
    return CostSession(**{**fields, **changes})


def test_a_session_is_read_as_it_was_written(tmp_path):
    write_session(tmp_path / "costs.json", session())

    assert read_session(tmp_path / "costs.json") == session()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text("no JSON"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text(path.read_text().replace("5.0", "7.0", 1)),
        lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 2})),
    ],
    ids=["missing", "text", "list", "changed", "newer"],
)
def test_a_damaged_file_gets_one_clear_message(tmp_path, damage):
    write_session(tmp_path / "costs.json", session())
    damage(tmp_path / "costs.json")

    with pytest.raises(RecordError, match=r"file of costs (cannot be used|is missing)"):
        read_session(tmp_path / "costs.json")


def test_accuracy_is_drawn_against_costs_of_one_idle_session_only(tmp_path):
    paths = [write_result(tmp_path / name, name, np.full(6, value)) for name, value in (("a", 0.5), ("b", 0.6))]
    [board] = build_boards(collect([], [tmp_path]))
    runs = [read_record(path).run for path in paths]
    both = session(speeds={runs[0]: (100.0, 400.0, 200.0), runs[1]: (20.0,)})

    assert both.speed_of(board.rows[1].records) == 200
    assert drawable(board) == ("intervals", "cmc")
    assert drawable(board, session(speeds={runs[0]: (100.0,)})) == ("intervals", "cmc")
    assert drawable(board, both.model_copy(update={"quiet": False})) == ("intervals", "cmc")
    assert drawable(board, both) == ("intervals", "cmc", "cost")
    text = draw_picture(board, "cost", both).decode()
    assert text.count("<circle") == 2
    assert "images a second, cpu" in text


@pytest.mark.slow
def test_runs_are_measured_in_turns_and_leave_nothing_behind(small_synthetic, tmp_path):
    words = ["--protocol", "synthetic", "--data", str(small_synthetic), "--runs", str(tmp_path / "runs")]
    for method in ("random", "colour-histogram"):
        done = CliRunner().invoke(main, ["run", "--method", method, *words])
        assert done.exit_code == 0, done.output
    runs = sorted((tmp_path / "runs").iterdir())
    before = sorted((tmp_path / "runs").rglob("*"))

    out = tmp_path / "costs.json"
    done = CliRunner().invoke(
        main, ["cost", *map(str, runs), "--rounds", "2", "--data", f"synthetic={small_synthetic}", "--out", str(out)]
    )

    assert done.exit_code == 0, done.output
    assert "colour-histogram" in done.output
    found = read_session(out)
    records = [read_record(path) for path in (tmp_path / "runs").rglob("record-*.json")]
    assert set(found.speeds) == {record.run for record in records}
    assert all(len(speeds) == 2 for speeds in found.speeds.values())
    assert sorted((tmp_path / "runs").rglob("*")) == before


def test_a_trained_run_with_changed_options_is_measured_by_its_checkpoint(small_synthetic, tmp_path):
    (tmp_path / "plugin.py").write_text(PLUGIN)
    plugin = ["--plugin", str(tmp_path / "plugin.py")]
    words = ["--protocol", "synthetic", "--data", str(small_synthetic), "--runs", str(tmp_path / "runs")]
    chosen = ["--method", "tiny", "--set", "epochs=1", "--set", "vehicles=5", "--validate", "none"]
    done = CliRunner().invoke(main, ["run", *chosen, *words, *plugin])
    assert done.exit_code == 0, done.output
    [run] = (tmp_path / "runs").iterdir()

    out = tmp_path / "costs.json"
    words = ["--rounds", "1", "--data", f"synthetic={small_synthetic}", "--out", str(out)]
    done = CliRunner().invoke(main, ["cost", str(run), *plugin, *words])

    assert done.exit_code == 0, done.output
    assert "tiny (epochs=1, vehicles=5)" in done.output
    assert len(read_session(out).speeds) == 2


def test_a_folder_that_is_no_run_is_named(tmp_path):
    done = CliRunner().invoke(main, ["cost", str(tmp_path)])

    assert done.exit_code == 2
    assert "the folder has no record" in done.output
