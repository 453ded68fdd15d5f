"""What the pages say is what happens."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.registry.kinds import METHOD
from harness.registry.registry import load

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "methods.md").read_text(), re.DOTALL)
PLUGINS = [block for block in BLOCKS if "bench_register_methods" in block]


@pytest.mark.parametrize("block", PLUGINS, ids=lambda block: re.search(r'register\("([\w-]+)"', block)[1])
def test_every_method_of_the_page_runs(block, small_synthetic, tmp_path):
    file = tmp_path / "page.py"
    file.write_text(block)
    name = re.search(r'register\("([\w-]+)"', block)[1]
    assert name in load([file]).names(METHOD)

    done = subprocess.run(  # noqa: S603 - our own command
        [
            sys.executable,
            "-m",
            "harness",
            "run",
            "--plugin",
            file,
            "--method",
            name,
            "--protocol",
            "synthetic/image-to-image",
            "--data",
            small_synthetic,
            "--json",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["method"] == name


@pytest.mark.parametrize("block", [block for block in BLOCKS if block not in PLUGINS])
def test_every_other_block_of_the_page_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    exec(compile(block, "docs/methods.md", "exec"), {})  # noqa: S102 - our own page

    assert (tmp_path / "features.h5").is_file()


def test_the_readme_has_two_commands_of_one_line_each():
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert [len(block.strip().splitlines()) for block in blocks[:2]] == [1, 1]
    assert blocks[0].strip().endswith("bench run --method strong-baseline --protocol synthetic")
    assert "pytest" in blocks[1]


@pytest.mark.parametrize(
    "page", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]), ids=lambda page: page.name
)
def test_every_link_between_the_pages_leads_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), target
