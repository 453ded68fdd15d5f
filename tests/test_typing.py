"""A type checker accepts what the pages tell an author to write, and finds what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAD = """
from collections.abc import Mapping

from torch import Tensor

import harness
from harness.registry.hookspecs import Register

"""
RIGHT = (
    HEAD
    + """
class Smallest(harness.Method):
    def embed(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))


class WithPaths(harness.Method):
    test_needs = frozenset({"path"})

    def embed(self, images: Tensor, *, path: tuple[str, ...]) -> Tensor:
        return images.mean((2, 3)) + len(path)


class WithBoxes(harness.Method):
    test_needs = frozenset({"boxes.parts"})

    def embed(self, images: Tensor, boxes_parts: list[Tensor]) -> Tensor:
        return images.mean((2, 3)) + len(boxes_parts)


class WithAll(harness.Method):
    def embed(self, images: Tensor, **needed: object) -> Tensor:
        return images.mean((2, 3)) + len(needed)


@harness.hookimpl
def bench_register_methods(register: Register) -> None:
    register("smallest", Smallest)


def mean(images: Tensor) -> Tensor:
    return images.mean((2, 3))


found: Mapping[str, float] = harness.evaluate(mean, "synthetic").mean
again: Mapping[str, float] = harness.evaluate(Smallest, "synthetic", options={"input_size": 64}, metric="cosine").mean
"""
)
WRONG = HEAD + "class Wrong(harness.Method):\n    def embed(self, images: Tensor) -> str:\n        return ''\n"


@pytest.mark.slow
def test_mypy_accepts_an_embed_with_only_the_arguments_that_it_needs(tmp_path):
    for name, text in {"right": RIGHT, "wrong": WRONG}.items():
        (tmp_path / f"{name}.py").write_text(text)

    done = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    found = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert [Path(line.partition(":")[0]).name for line in found] == ["wrong.py"], done.stdout + done.stderr
    assert "incompatible with supertype" in found[0]
