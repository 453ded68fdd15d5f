"""A sweep as a user starts it; its runs are computed in this very process, by an engine from a plugin file."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.basics.locks import locked
from harness.cli import main
from harness.cli.verbs.sweep import words_of_a_run
from harness.errors import RunError
from tests.harness.runs.made import PLUGIN
from tests.harness.sweeps.made import ENGINE, KNOWN

HEAD = 'plugin = ["plugin.py", "engine.py"]\n'
TWO = """
[[run]]
method = ["random", "colour-histogram"]
protocol = "synthetic/image-to-image"
"""


@pytest.fixture
def sweep(tmp_path, monkeypatch, small_synthetic):
    """Write a sweep's file, start it, and return its result and the states of its runs."""
    monkeypatch.chdir(tmp_path)
    Path("plugin.py").write_text(PLUGIN)
    Path("engine.py").write_text(ENGINE)

    def run(text, *words, status=0, engine="here"):
        Path("sweep.toml").write_text(f'{HEAD}data = {{ synthetic = "{small_synthetic}" }}\n{text}')
        done = CliRunner().invoke(main, ["sweep", "sweep.toml", "--engine", engine, *words])
        assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
        assert "Traceback" not in done.output
        return done

    return run


def states():
    done = CliRunner().invoke(main, ["sweep", "sweep.toml", "--status", "--json"])
    assert done.exit_code == 0, done.output
    return [row["state"] for row in json.loads(done.stdout)]


def commands():
    return Path("commands.txt").read_text().splitlines() if Path("commands.txt").exists() else []


def test_what_stands_is_skipped_a_failure_stops_nothing_and_the_leaderboard_ends_it(sweep):
    text = TWO.replace('"colour-histogram"', '"not-finite", "colour-histogram"')

    first = sweep(text, status=1)
    assert states() == ["done", "failed", "done"]
    assert "NotFinite gave features that are not finite" in first.stdout
    assert "1 of 3 runs failed" in first.stderr
    assert re.search(r"colour-histogram \| 1 +\| \d\d\.\d\d", first.stdout)
    assert "strong-baseline" not in first.stdout

    second = sweep(text, status=1)
    assert states() == ["skipped", "failed", "skipped"]
    assert len(commands()) == 3 + 1
    board = "synthetic/image-to-image\n"
    assert second.stdout.partition(board)[2] == first.stdout.partition(board)[2] != ""


def test_a_deleted_record_or_another_seed_is_computed_and_nothing_else(sweep):
    sweep(TWO)
    next(Path("runs").glob("random-*/*/record-*.json")).unlink()

    sweep(TWO + "seed = [0, 1]\n")

    assert states() == ["done", "done", "skipped", "done"]


def test_a_run_without_a_measure_that_is_now_asked_for_does_not_stand(sweep):
    text = TWO.replace('["random", "colour-histogram"]', '"random"')
    sweep(text)

    sweep(text + 'measure = ["cmc@3"]\n')
    assert states() == ["done"]

    sweep(text + 'measure = ["cmc@3"]\n')
    assert states() == ["skipped"]


def test_a_changed_plugin_makes_its_runs_stand_no_longer(sweep):
    text = '[[run]]\nmethod = "constant"\nprotocol = "synthetic/image-to-image"\n'
    sweep(text)
    Path("plugin.py").write_text(PLUGIN.replace("torch.ones(len(images), 4)", "torch.ones(len(images), 5)"))

    sweep(text)

    assert states() == ["done"]
    assert len(list(Path("runs").glob("constant-*"))) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[[run]]\nmethod = "randm"\nprotocol = "synthetic"', "unknown method 'randm'; did you mean 'random'?"),
        ('[[run]]\nmethod = "random"\nprotocol = "sythetic"', "did you mean 'synthetic'?"),
        ('[[run]]\nmethod = "tiny"\nprotocol = "synthetic"\nset.epoch = 3', "did you mean 'epochs'?"),
        ('[[run]]\nmethod = "tiny"\nprotocol = "synthetic"\nset.epochs = "x"', "option 'epochs' of tiny does not fit"),
        ('[[run]]\nmethod = "tiny/longr"\nprotocol = "synthetic"', "did you mean 'longer'?"),
        ('[[run]]\nmethod = "random"\nprotocol = "synthetic"\nseed = -1', "Invalid value for '--seed'"),
        ('[[run]]\nmethod = "random"\nprotocol = "synthetic"\nvalidate = "all"', "Invalid value for '--validate'"),
        ('[[run]]\nmethod = "random"\nprotocol = "synthetic"\nobserve = "wandbb"', "did you mean 'wandb'?"),
        ('[[run]]\nmethod = "random"\nprotocol = "synthetic"\nmeasure = "cmcc@1"', "did you mean 'cmc'?"),
        ('[[run]]\nmethod = "random"\nprotocol = "veri776"', '[data] PROTOCOL = "DIR"'),
        ('[[run]]\nmethod = "random"\nprotocol = "synthetic"\nsmoke = true', "unknown word of a run 'smoke'"),
        ('[[run]]\nmethod = "random"\nprotocol = "synthetic"\n[engine.slrum]', "did you mean 'slurm'?"),
    ],
)
def test_every_mistake_is_found_before_the_first_run(sweep, text, expected):
    done = sweep(f"{TWO}\n{text}\n", status=2)

    assert expected in done.stderr
    assert ", in [[run]] 2" in done.stderr or "engine" in expected or "slurm" in expected
    assert done.stdout == ""
    assert commands() == []
    assert not Path("runs").exists()


def test_a_mistake_in_the_engines_options_names_the_line(sweep):
    done = sweep(f"{TWO}\n[engine.dask]\nsheduler = 'tcp://x'\n", engine="dask", status=2)

    assert "unknown option of engine dask 'sheduler'; did you mean 'scheduler'?" in done.stderr
    assert "sweep.toml, line 9, in [engine.dask]" in done.stderr


def test_check_shows_what_there_is_to_do_and_does_nothing(sweep):
    sweep(TWO.replace('["random", "colour-histogram"]', '"random"'))

    done = sweep(TWO, "--check")

    assert "1 skipped, 1 waiting" in done.stdout
    assert len(commands()) == 1


def test_an_interrupted_sweep_says_what_stands_and_goes_on(sweep):
    Path("interrupt").touch()
    done = sweep(TWO, status=130)
    assert "2 waiting" in done.stderr
    assert "the same command continues" in done.stderr

    Path("interrupt").unlink()
    sweep(TWO)
    assert states() == ["done", "done"]


def test_a_second_process_on_the_same_sweep_is_refused(sweep):
    with locked(Path("runs/sweeps/sweep"), RunError("taken")):
        done = sweep(TWO, status=1)

    assert "this sweep is being computed already" in done.stderr


def test_another_file_of_the_same_name_is_refused(sweep, tmp_path):
    sweep(TWO)
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "sweep.toml"
    other.write_text(Path("sweep.toml").read_text())

    for words in ((), ("--status",)):
        done = CliRunner().invoke(main, ["sweep", str(other), *words])
        assert done.exit_code == 2
        assert "another file has a sweep of this name" in done.stderr
    assert states() == ["done", "done"]


def test_out_writes_the_pages_of_these_runs_alone(sweep):
    sweep(TWO, "--out", "pages/board.md")

    page = Path("pages/board.md").read_text()
    assert "colour-histogram" in page + "".join(path.read_text() for path in Path("pages").rglob("*.md"))
    assert sweep(TWO, "--out", "board.csv").exit_code == 0
    methods = {line.split(",")[2] for line in Path("board.csv").read_text().splitlines() if line.startswith("measured")}
    assert methods == {"random", "colour-histogram"}


def test_an_unknown_format_is_refused_before_anything_runs(sweep):
    assert "no such format" in sweep(TWO, "--out", "board.doc", status=2).stderr
    assert commands() == []


def test_json_is_all_that_is_printed(sweep):
    rows = json.loads(sweep(TWO, "--json").stdout)

    assert [(row["method"], row["state"]) for row in rows] == [("random", "done"), ("colour-histogram", "done")]
    assert all(Path(row["folder"]).is_dir() for row in rows)


def test_the_words_of_a_table_are_those_of_the_command():
    words = words_of_a_run()

    assert KNOWN.items() <= words.items()
    assert words["observe"] == "many"
    assert not {"set", "plugin", "runs", "json", "smoke"} & set(words)
