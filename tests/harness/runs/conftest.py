"""The command as a user types it, with a plugin of tiny methods."""

import json

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.training import engine
from tests.harness.runs.made import PLUGIN


@pytest.fixture
def bench(tmp_path, monkeypatch, small_synthetic):
    """Run a verb in an empty folder on the small drawn data set; return what it printed as JSON, or its result."""
    monkeypatch.chdir(tmp_path)
    # Drawing takes a third of a tiny training; the tests of the engine draw.
    monkeypatch.setattr(engine, "draw_curve", lambda folder, _: (folder / "validation.png").touch())
    (tmp_path / "plugin.py").write_text(PLUGIN)

    def run(verb, *words, data=small_synthetic, status=0, json_wanted=True):
        where = ["--protocol", "synthetic"] if "--protocol" not in words else []
        flags = ["--json"] if json_wanted and verb in {"run", "eval"} else []
        done = CliRunner().invoke(
            main, [verb, *map(str, words), *where, "--data", str(data), "--plugin", "plugin.py", *flags]
        )
        assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
        assert "Traceback" not in done.output
        return json.loads(done.stdout) if flags and status == 0 else done

    return run
