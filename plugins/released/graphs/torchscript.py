"""Any network in a file of TorchScript."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.errors import CheckpointError, error_line
from harness.methods.exported import read_card
from plugins.released.graphs.method import GraphMethod, GraphOptions
from plugins.released.graphs.program import load_program
from plugins.released.outputs import features_in
from plugins.released.pixels import Pixels


class TorchScriptOptions(GraphOptions):
    """The options of a file of TorchScript."""

    output: str = Field(
        "", description="number, from 0, or key of the features among several returned tensors; empty: the only one"
    )


class TorchScript(GraphMethod):
    """A network in a file of TorchScript, which is a program: it runs no Python, and is refused if it touches files."""

    about = "any network in a file of TorchScript"
    Options = TorchScriptOptions
    holding = "a program of torch.jit.save"
    own = ("torchscript",)
    options: TorchScriptOptions

    def open_file(self, path: Path) -> ProgramNetwork:
        """Return the program, loaded into torch's interpreter."""
        program, card = load_program(path)
        self.follow(read_card(card, path), None, path)
        scale = 255.0 if self.options.range == "0..255" else 1.0
        return ProgramNetwork(program, Pixels(self.options, scale=scale), self.options.output, path)


class ProgramNetwork(nn.Module):
    """A program of TorchScript behind its pixels."""

    def __init__(self, program: torch.jit.ScriptModule, pixels: Pixels, output: str, path: Path) -> None:
        super().__init__()
        self.pixels = pixels
        self.program = program
        self.output = output
        self.path = path

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, d) float32, or raise a CheckpointError that says what the program did instead."""
        try:
            # Without it the first calls are profiled and later ones fused, with other last digits.
            with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]  # torch's stubs lack it
                found = self.program(self.pixels(images))
        except Exception as problem:  # torch wraps whatever happens inside
            height, width = images.shape[2:]
            raise CheckpointError(
                "the program of TorchScript fails on pictures",
                where=self.path,
                found=error_line(problem),
                expected=f"one that takes ({len(images)}, 3, {height}, {width}) float32",
                next_step="another --set input_size, or the network exported again",
            ) from None
        return features_in(found, len(images), self.output, self.path)
