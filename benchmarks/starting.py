"""Time ``bench --help`` with and without many installed plugins.

    python benchmarks/starting.py [--plugins 20] [--times 15]

Each plugin is an installed distribution with a method, whose module imports torch; every fourth also brings a verb,
which the help has to import. The seconds of the processor do not depend on what else the machine does; those of the
clock do. The smallest of all times is printed, and which heavy libraries were imported. Compiled Python is kept in a
folder of the benchmark's own, as an installation keeps it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAVY = ("torch", "torchvision", "pandas", "numpy", "h5py", "matplotlib", "pydantic", "onnxruntime", "timm", "mlflow")
LISTED = f"import sys; from harness.cli import main\ntry: main(['--help'])\nfinally: print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"  # noqa: E501 - one program
METHOD = """
import torch
import harness

class Method:
    def embed(self, images):
        return images.mean((2, 3))

@harness.hookimpl
def bench_register_methods(register):
    register("stranger-{number}", Method)
"""
VERB = """
import click

@click.command()
def verb():
    "Do what a stranger does."
"""


def install(folder: Path, number: int) -> None:
    """Write the files of a distribution as an installer does."""
    name = f"stranger_{number}"
    (folder / f"{name}.py").write_text(METHOD.format(number=number))
    (folder / f"{name}_verb.py").write_text(VERB)
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: stranger-{number}\nVersion: 1.0\n")
    points = f"[bench]\nstranger = {name}\n"
    if number % 4 == 0:
        points += f"[bench.commands]\nstranger-{number} = {name}_verb:verb\n"
    (information / "entry_points.txt").write_text(points)


def measure(site: Path, times: int) -> tuple[float, float, str]:
    """Return the smallest seconds of the clock and of the processor, and the heavy libraries of one more run."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]),
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(site / "python"),
    }
    clock, processor = [], []
    for _ in range(times + 1):
        used, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "harness", "--help"], env=environment, stdout=subprocess.DEVNULL, check=True
        )
        clock.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor.append(after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime)
    listed = subprocess.run([sys.executable, "-c", LISTED], env=environment, capture_output=True, text=True, check=True)
    return min(clock), min(processor), listed.stderr.strip()


def main() -> None:
    """Print one line without plugins and one with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plugins", type=int, default=20)
    parser.add_argument("--times", type=int, default=15)
    words = parser.parse_args()
    for count in (0, words.plugins):
        with tempfile.TemporaryDirectory() as folder:
            for number in range(count):
                install(Path(folder), number)
            clock, processor, imported = measure(Path(folder), words.times)
        print(f"{count:3d} plugins: {clock:.3f} s, {processor:.3f} s of the processor; heavy imports: {imported}")


if __name__ == "__main__":
    main()
