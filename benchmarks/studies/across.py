"""Train and test the strong baseline across three drawn data sets, and write the table of ``docs/across.md``.

    python -m benchmarks.studies.across [--folder build/across] [--vehicles 20] [--write docs/across.md]

The vehicles, the streets and the cameras are drawn, so that the numbers show how the table is read, and nothing of real
data sets. Each of them has its own vehicles and the folders and lists of the data set that it is named after. The same
folder goes on where an interrupted call ended.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

SETS = {"veri776": 11, "vric": 12, "synthetic": 13}
"""The layouts, and the seeds that they are drawn with."""
SIDE = 64
MATRIX = """
on = ["veri776", "vric", "synthetic"]
leave-one-out = true
runs = "{folder}/runs"

[data]
{data}

[defaults]
device = "cpu"

[[row]]
method = "strong-baseline"
recipe = "quick"
set = {{ epochs = 6, input_size = 48, p = 8 }}

[[row]]
method = "colour-histogram"
"""
MARKS = re.compile(r"(<!-- table: benchmarks/studies/across.py -->\n).*(<!-- end of the table -->)", re.DOTALL)


def bench(*words: str) -> None:
    """Run a command of ``bench`` in a process of its own; its output is shown."""
    subprocess.run([sys.executable, "-m", "harness", *words], check=True)


def draw(folder: Path, vehicles: int) -> None:
    """Draw the data sets that are missing."""
    for name, seed in SETS.items():
        if not (folder / name).is_dir():
            drawn = ("--vehicles", str(vehicles), "--image-size", str(SIDE), "--seed", str(seed))
            bench("data", "make", name, str(folder / name), *drawn)


def main() -> None:
    """Draw, train and test, and write the table into a page if one is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/across"))
    parser.add_argument("--vehicles", type=int, default=20, help="vehicles of each data set, for training and test")
    parser.add_argument("--write", type=Path, help="page whose part between two marks is replaced")
    words = parser.parse_args()
    draw(words.folder, words.vehicles)
    data = "\n".join(f'{name} = "{words.folder / name}"' for name in SETS)
    file, out = words.folder / "matrix.toml", words.folder / "across.md"
    file.write_text(MATRIX.format(folder=words.folder, data=data), encoding="utf-8")
    bench("matrix", str(file), "--out", str(out))
    if words.write:
        table = out.read_text(encoding="utf-8").partition("\n\n")[2]
        page = words.write.read_text(encoding="utf-8")
        words.write.write_text(MARKS.sub(lambda found: f"{found[1]}\n{table}\n{found[2]}", page), encoding="utf-8")


if __name__ == "__main__":
    main()
