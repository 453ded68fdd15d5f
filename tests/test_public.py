"""The public names: the list that docs/api.md documents, and nothing else."""

import runpy
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import harness

GROUPS = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "make_api.py"))["GROUPS"]
NAMES = sorted(name for names in GROUPS.values() for name in names.split())


def test_the_public_names_are_those_of_the_written_list():
    assert sorted([*NAMES, "__version__"]) == sorted(harness.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_can_be_imported(name):
    assert getattr(harness, name) is not None


@pytest.mark.parametrize("library", ["torch", "pandas", "numba"])
def test_importing_harness_imports_no_large_library(library):
    code = f"import sys, harness; print({library!r} in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout == "False\n"


def test_the_types_are_published_with_the_package():
    assert files("harness").joinpath("py.typed").is_file()
