"""A run of one tiny epoch with an observer."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.scoring.record import Record, read_record
from tests.harness.runs.made import PLUGIN


@pytest.fixture
def observed(tmp_path, monkeypatch, small_synthetic):
    """Run the tiny method for two epochs with an observer, and return its folder and its records."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plugin.py").write_text(PLUGIN)

    def run(observer, method="tiny", status=0, folder="runs") -> tuple[Path, list[Record]]:
        words = ["--method", method, "--protocol", "synthetic", "--data", str(small_synthetic), "--plugin", "plugin.py"]
        done = CliRunner().invoke(main, ["run", *words, "--observe", observer, "--runs", folder])
        assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
        assert " failed: " not in done.output
        paths = sorted(Path(folder).rglob("record-*.json"))
        return tmp_path / folder, [read_record(path) for path in paths]

    return run
