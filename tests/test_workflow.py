"""The job description for other systems names what is there, and every Python from the oldest on."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "tests.yml"


def test_every_system_and_python_is_tried():
    matrix = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["tests"]["strategy"]["matrix"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert [system.partition("-")[0] for system in matrix["system"]] == ["ubuntu", "macos", "windows"]
    assert project["requires-python"] == f">={matrix['python'][0]}"
    assert matrix["python"] == [f"3.{minor}" for minor in range(11, 15)]


def test_the_files_and_folders_that_the_jobs_name_are_there():
    text = WORKFLOW.read_text(encoding="utf-8")
    named = re.findall(r"(?:tests/[\w/]+|constraints\.txt|\.ci/run)", text)

    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []
