"""Any network in a file of TorchScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.errors import CheckpointError
from harness.methods.exported import read_card
from plugins.released.graphs.method import GraphMethod, GraphOptions
from plugins.released.graphs.program import load_program, said
from plugins.released.pixels import Pixels


class TorchScriptOptions(GraphOptions):
    """The options of a file of TorchScript."""

    output: int = Field(
        -1, ge=-1, description="which of several returned tensors holds the features, from 0; -1: the only one"
    )


class TorchScript(GraphMethod):
    """A network in a file of TorchScript, which is a program: it runs no Python, and is refused if it touches files."""

    about = "any network in a file of TorchScript"
    Options = TorchScriptOptions
    holding = "a file of torch.jit.save"
    own = ("a TorchScript archive, which is a network with its code",)
    options: TorchScriptOptions

    def open_file(self, path: Path) -> ProgramNetwork:
        """Return the program, loaded into torch's interpreter."""
        program, card = load_program(path)
        self.follow(read_card(card, path), None, path)
        scale = 255.0 if self.options.range == "0..255" else 1.0
        return ProgramNetwork(program, Pixels(self.options, scale=scale), self.options.output, path)


class ProgramNetwork(nn.Module):
    """A program of TorchScript behind its pixels."""

    def __init__(self, program: torch.jit.ScriptModule, pixels: Pixels, output: int, path: Path) -> None:
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
                found=said(problem),
                expected=f"one that takes ({len(images)}, 3, {height}, {width}) float32",
                next_step="another --set input_size, or the network exported again",
            ) from None
        features = self._chosen(found)
        if features.ndim > 2 and set(features.shape[2:]) == {1}:  # pooled, but not flattened
            features = features.flatten(1)
        if features.ndim != 2 or len(features) != len(images) or not features.is_floating_point():
            raise self._no_features(_shown(features), "float (n, d)", None)
        return features.to(torch.float32)

    def _chosen(self, found: Any) -> Tensor:
        if isinstance(found, Tensor):
            return found
        several = list(found.values()) if isinstance(found, dict) else found
        is_several = isinstance(several, list | tuple) and all(isinstance(one, Tensor) for one in several)
        if not is_several or not 0 <= self.output < len(several):
            shown = f"{len(several)} tensors: {', '.join(map(_shown, several))}" if is_several else type(found).__name__
            raise self._no_features(shown, "one tensor", "choose one with --set output=0" if is_several else None)
        chosen: Tensor = several[self.output]
        return chosen

    def _no_features(self, found: str, expected: str, next_step: str | None) -> CheckpointError:
        return CheckpointError(
            "the program of TorchScript returns no features",
            where=self.path,
            found=found,
            expected=expected,
            next_step=next_step,
        )


def _shown(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
