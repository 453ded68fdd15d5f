"""The example that draws a sheet of near-duplicates."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image


@pytest.mark.parametrize("words", [[], ["--boxes", "parts"]])
def test_the_example_draws_a_sheet_of_near_duplicates(root, tmp_path, words):
    example = Path(__file__).parents[3] / "examples" / "contact_sheet.py"
    command = [sys.executable, example, root, tmp_path / "sheet.png", "--pairs", "1", "--cell", "40", *words]
    subprocess.run(command, check=True)  # noqa: S603 - our own example

    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size[0] <= 8 * 40
        assert sheet.size[1] == 2 * 40
        assert len(sheet.getcolors(1 << 20)) > 200
