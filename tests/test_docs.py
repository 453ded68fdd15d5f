"""The pages are true: their code runs, their links lead somewhere, and the generated one is up to date."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import harness
from harness.registry.kinds import METHOD

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "your-method.md").read_text(), re.DOTALL)
METHODS = [block for block in BLOCKS if "bench_register_methods" in block]
MEASURES = [block for block in BLOCKS if "bench_register_measures" in block]


def registered(block: str) -> str:
    """Return the name that a block registers."""
    return re.search(r'register\("([\w-]+)"', block)[1]


def bench(*words: object, cwd: Path) -> list[dict]:
    """Run a command in a process of its own, and return what it prints as JSON."""
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "harness", *map(str, words), "--json"],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("block", METHODS, ids=registered)
def test_every_method_of_the_page_runs(block, small_synthetic, tmp_path):
    file = tmp_path / "page.py"
    file.write_text(block)
    name = registered(block)
    assert name in harness.load([file]).names(METHOD)

    task = ["--protocol", "synthetic/image-to-image", "--data", small_synthetic]
    results = bench("run", "--plugin", file, "--method", name, *task, cwd=tmp_path)

    assert results[0]["method"] == name


@pytest.mark.parametrize("block", MEASURES, ids=registered)
def test_every_measure_of_the_page_is_computed(block, small_synthetic, tmp_path):
    file = tmp_path / "page.py"
    file.write_text(block)
    keys = [path.relative_to(small_synthetic).as_posix() for path in sorted(small_synthetic.glob("image_*/*.jpg"))]
    features = np.random.default_rng(0).normal(size=(len(keys), 8)).astype(np.float32)
    harness.write_features(tmp_path / "f.h5", keys, features, dataset="synthetic", method="noise")
    word = registered(block)

    task = ["--protocol", "synthetic/image-to-image", "--data", small_synthetic]
    results = bench("eval", "f.h5", *task, "--plugin", file, "--measure", word, cwd=tmp_path)

    assert 0 < results[0]["further_measures"][word] < 1


@pytest.mark.parametrize("block", [block for block in BLOCKS if block not in [*METHODS, *MEASURES]])
def test_every_other_block_of_the_page_runs(block, small_synthetic, tmp_path, monkeypatch, capsys):
    (tmp_path / "VeRi").symlink_to(small_synthetic)
    monkeypatch.chdir(tmp_path)

    exec(compile(block, "docs/your-method.md", "exec"), {"__name__": "page"})  # noqa: S102 - our own page

    if "evaluate" in block:
        assert 0 < float(capsys.readouterr().out) < 1
    assert (tmp_path / "features.h5").is_file() == ("features.h5" in block)


def test_the_pages_import_nothing_but_harness_itself_and_its_tests_for_authors():
    found = {
        line for page in PAGES for line in re.findall(r"(?:from|import) harness\.(?!testing)\S+.*", page.read_text())
    }

    assert not found


def test_the_readme_has_two_commands_of_one_line_each():
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert [len(block.strip().splitlines()) for block in blocks[:2]] == [1, 1]
    assert blocks[0].strip().endswith("bench run --method strong-baseline --protocol synthetic")
    assert "pytest" in blocks[1]


def test_the_page_of_the_public_names_is_up_to_date():
    made = runpy.run_path(str(ROOT / "docs" / "make_api.py"))

    assert made["page"]() == made["PAGE"].read_text(), "run 'make docs'"


def test_a_docstring_becomes_prose_lists_and_an_example_in_markdown():
    docstring = """Return a * b.

Args:
    a: the first, as ``x``
        or ``y``.

Raises:
    DataError: ``b`` is zero.

Example:
    >>> f(1, 2)
    2"""

    found = list(runpy.run_path(str(ROOT / "docs" / "make_api.py"))["markdown"](docstring))

    assert found == [
        r"Return a \* b.",
        "**Arguments**",
        "- `a`: the first, as `x`\n  or `y`.",
        "**Raises**",
        "- `DataError`: `b` is zero.",
        "```pycon\n>>> f(1, 2)\n2\n```",
    ]
