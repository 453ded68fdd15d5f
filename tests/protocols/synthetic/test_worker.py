"""Drawing processes import what the process that starts them imports, and leave nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

from tests.protocols.synthetic.drawn_sets import SMALL, content


def test_a_folder_of_the_user_s_own_with_the_name_of_the_package_is_not_imported(small, tmp_path):
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols" / "__init__.py").write_text("raise SystemExit('the wrong package')")
    program = f"from protocols.synthetic import make; make('out', workers=2, **{SMALL!r})"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    subprocess.run([sys.executable, "-P", "-c", program], cwd=tmp_path, env=environment, check=True)  # noqa: S603 - ours

    assert content(tmp_path / "out") == content(small.root)


def test_a_script_that_is_not_guarded_runs_once(tmp_path):
    (tmp_path / "script.py").write_text(
        f"from protocols.synthetic import make\nprint('runs')\nmake('out', workers=2, **{SMALL!r})\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)  # noqa: S603 - ours

    assert done.stdout.split() == [b"runs"]
    assert (tmp_path / "out").is_dir()
