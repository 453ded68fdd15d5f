"""The tutorial's commands, word for word, in a fresh environment, up to the number of a third party's method."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "tutorial.md").read_text()
BLOCKS = re.findall(r'^```(sh|python)(?: title="([^"]+)")?\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^ *(\| (?:my-method|colour-histogram) +\|[ \d.|]+\|)$", re.MULTILINE)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """The programs of a new environment in which nothing is installed.

    It sees the packages of this one, pip among them, since torch alone is gigabytes to install; what the tutorial
    installs comes first.
    """
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, symlinks=True, with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    seen = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    (site / "packages_of_the_tests.pth").write_text("\n".join(dict.fromkeys(seen)) + "\n")
    return folder / ("Scripts" if sys.platform == "win32" else "bin")


def shell(commands: str, programs: Path, folder: Path) -> str:
    """Run the lines of a block as a reader would, and return what they print; all must succeed."""
    words = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(  # noqa: S603 - our own page
        ["bash", "-euc", commands],  # noqa: S607 - whichever the reader has
        cwd=folder,
        # Without isolation hatchling is this environment's, and nothing is asked of an index.
        env={
            **words,
            "PATH": f"{programs}{os.pathsep}{words['PATH']}",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_NO_INDEX": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
    return done.stdout


def numbers(text: str) -> dict[str, list[list[float]]]:
    """Return the numbers of the rows of the two methods, in the order of the tables."""
    found: dict[str, list[list[float]]] = {}
    for row in ROW.findall(text):
        name, *values = (cell.strip() for cell in row.strip("|").split("|"))
        found.setdefault(name, []).append([float(value) for value in values])
    return found


@pytest.mark.slow
def test_the_commands_of_the_tutorial_print_its_numbers(fresh, tmp_path):
    (install, *others), printed = BLOCKS, []
    shell(install[2], fresh, ROOT)

    for language, title, text in others:
        if language == "python":
            assert (tmp_path / title).is_file()  # 'bench new-method' has written it
            (tmp_path / title).write_text(text)
        else:
            printed.append(shell(text, fresh, tmp_path))

    expected, found = numbers(PAGE), numbers("\n".join(printed))
    assert sorted(expected) == sorted(found) == ["colour-histogram", "my-method"]
    for name, rows in expected.items():
        assert len(rows) == 1
        assert found[name][1] == pytest.approx(rows[0], abs=0.05)  # another processor may move a last digit
    assert "my-method" in (tmp_path / "board.html").read_text()
    assert "A: my-method" in printed[-1]


def test_the_page_begins_with_an_installation_and_ends_with_a_comparison():
    assert BLOCKS[0][2].startswith("python -m pip install")
    assert BLOCKS[-1][2].startswith("bench compare")
    assert [title for language, title, _ in BLOCKS if language == "python"] == ["my-method/my_method.py"]
