import subprocess
import sys

import pytest

import harness
from harness.registry.moved import MOVED


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in MOVED.items() for name in names])
def test_every_name_that_has_moved_is_public_now(module, name):
    assert hasattr(harness, name)
    assert name in harness.__all__


@pytest.mark.parametrize(
    "line",
    [
        "from harness.training.batches import PK",
        "from harness.training.network import NetworkMethod, Stage",
        "from harness.detection import pack",
    ],
)
def test_a_plugin_with_yesterdays_imports_is_told_the_new_ones(line, tmp_path):
    (tmp_path / "old.py").write_text(f"{line}\n")

    done = subprocess.run(
        [sys.executable, "-m", "harness", "methods", "--plugin", "old.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "has moved: import " in done.stderr
    assert "from harness itself" in done.stderr
    assert "Traceback" not in done.stderr
