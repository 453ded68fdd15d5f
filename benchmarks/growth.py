"""Make the tables of docs/growth.md: ``python benchmarks/growth.py CHECKPOINT FOLDER``.

The checkpoint is one of ``bench run --method strong-baseline --protocol synthetic``. Vehicles drawn with other seeds
are the distractors; drawing and extraction take some minutes of two cores, and what is in the folder is kept.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

from protocols.synthetic import make

SEEDS = (1, 2, 3)
TASK = "synthetic/image-to-image"
PROTOCOL = """\
table = "images.csv"

[tasks.all]
"""


def draw(folder: Path) -> None:
    """Draw a data set for each seed, and describe all of their images as one."""
    rows = []
    for seed in SEEDS:
        root = folder / f"seed-{seed}"
        if not root.exists():
            make(root, seed=seed)
        images = sorted(root.glob("image_*/*.jpg"))
        rows += [(image.relative_to(folder).as_posix(), f"{seed}-{image.name[:4]}") for image in images]
    with (folder / "images.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "vehicle"), *rows])
    (folder / "other-vehicles.toml").write_text(PROTOCOL)


def bench(*words: object) -> str:
    """Run a command of ``bench``, print it, and return what it prints."""
    print("bench", *words, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "harness", *map(str, words)], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def main(checkpoint: Path, folder: Path) -> None:
    """Print the tables."""
    draw(folder)
    method = ("--method", "strong-baseline", "--checkpoint", checkpoint, "--runs", folder / "runs")
    test = bench("extract", *method, "--protocol", "synthetic")
    others = bench("extract", *method, "--protocol", folder / "other-vehicles.toml", "--data", folder)
    task = ("--protocol", TASK)
    picture = folder / "growth.svg"
    sizes = ("--distractors", others, "--sizes", "100,300,1000,3000,all")
    print(bench("growth", "curve", test, *task, *sizes, "--picture", picture, "--force"))
    print(bench("growth", "bytes", test, *task, "--pq", "4,8,16,32,64", "--learn-from", others))
    print(bench("growth", "index", test, *task))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
