"""Any network in an ONNX file, computed by onnxruntime on the processor."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from harness.basics.extras import require
from harness.errors import CheckpointError, UsageError, in_one_line, unknown_name
from harness.methods.exported import CARD, read_card
from plugins.released.graphs.method import GraphMethod, GraphOptions
from plugins.released.graphs.onnx_file import beside, read_graph
from plugins.released.outputs import features_in
from plugins.released.pixels import Pixels

TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
"""The types of an input, as onnxruntime writes them."""

FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")


class OnnxOptions(GraphOptions):
    """The options of an ONNX file."""

    layout: Literal["auto", "nchw", "nhwc"] = Field(
        "auto", description="order of the input's axes: channels before or after height and width; auto: by its shape"
    )
    output: str = Field("", description="name of the output with the features; empty: the only one of two axes")


@dataclass(frozen=True)
class Port:
    """The input or an output of a graph.

    Attributes:
        name: in the file.
        type: as onnxruntime writes it.
        shape: a number, or None for an axis of any length.
    """

    name: str
    type: str
    shape: tuple[int | None, ...]

    @classmethod
    def of(cls, found: Any) -> Port:
        """Return the port that onnxruntime describes."""
        shape = tuple(side if isinstance(side, int) and side > 0 else None for side in found.shape or ())
        return cls(found.name, found.type, shape)

    def __str__(self) -> str:
        """Return its name, type and shape: ``images: float (?, 3, 224, 224)``."""
        sides = ", ".join("?" if side is None else str(side) for side in self.shape)
        return f"{self.name}: {self.type.removeprefix('tensor(').rstrip(')')} ({sides})"


class Onnx(GraphMethod):
    """A network in an ONNX file."""

    about = "any network in an ONNX file"
    Options = OnnxOptions
    holding = "a network in the format of ONNX"
    own = ("onnx", "unknown")
    modules = ("onnxruntime",)
    options: OnnxOptions

    def open_file(self, path: Path) -> OnnxNetwork:
        """Return the graph, loaded by onnxruntime."""
        graph = read_graph(path, require("onnx", by="method 'onnx'", extra="onnx"))
        # The places are the file's own words: one may be the name of an option, whose file would then not count.
        self.read_files = beside(graph, path)
        network = OnnxNetwork(path, self.options)
        meta = {entry.key: entry.value for entry in graph.metadata_props}
        self.follow(read_card(meta.get(CARD), path), network.size, path)
        return network


class OnnxNetwork(nn.Module):
    """A graph that onnxruntime has loaded, as a network.

    Attributes:
        size: height and width of its input in pixels, or None if it takes any.
    """

    def __init__(self, path: Path, options: OnnxOptions) -> None:
        super().__init__()
        self.path = path
        self.session = _session(path)
        self.input = self._input()
        self.last = self._channels_last(options.layout)
        self.output = self._output(options.output)
        sides = self.input.shape[1:3] if self.last else self.input.shape[2:]
        self.size = None if None in sides else (int(sides[0] or 0), int(sides[1] or 0))
        if options.range == "auto":
            scale = 255.0 if self.input.type == "tensor(uint8)" else 1.0
        else:
            scale = 255.0 if options.range == "0..255" else 1.0
        self.pixels = Pixels(options, scale=scale)

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, d) float32 on the images' device, whatever batches the graph takes."""
        pixels = self.pixels(images.to(torch.float32)).cpu()
        pixels = pixels.permute(0, 2, 3, 1) if self.last else pixels
        given = np.ascontiguousarray(pixels.numpy())
        if self.input.type == "tensor(uint8)":
            given = given.round().clip(0, 255)
        given = given.astype(TYPES[self.input.type])
        size = self.input.shape[0] or len(given)
        parts = [self._run(given[start : start + size], size) for start in range(0, len(given), size)]
        return torch.from_numpy(np.concatenate(parts)).to(images.device)

    def _run(self, given: np.ndarray, size: int) -> np.ndarray:
        """Return the features of at most ``size`` images; a graph of a fixed batch gets its last one repeatedly."""
        padded = given if len(given) == size else given[np.minimum(np.arange(size), len(given) - 1)]
        try:
            (found,) = self.session.run([self.output.name], {self.input.name: padded})
        except Exception as problem:  # onnxruntime's exceptions share no base class of their own
            raise CheckpointError(
                "onnxruntime cannot compute the network of the ONNX file", where=self.path, found=_said(problem)
            ) from None
        features = features_in(torch.from_numpy(found), size, "", self.path, advice=self._others())
        return features[: len(given)].numpy()

    def _input(self) -> Port:
        inputs = [Port.of(found) for found in self.session.get_inputs()]
        if len(inputs) != 1 or inputs[0].type not in TYPES:
            raise CheckpointError(
                "the ONNX file does not take pictures alone",
                where=self.path,
                found="; ".join(map(str, inputs)) or "no input",
                expected="one input of float or uint8",
                next_step="export the part of the network that turns pictures into features",
            )
        return inputs[0]

    def _output(self, wanted: str) -> Port:
        """Return the output with the features: the one that the options name, or the only one that can be it."""
        outputs = {found.name: Port.of(found) for found in self.session.get_outputs()}
        if wanted:
            if wanted not in outputs:
                raise unknown_name("output of the ONNX file", wanted, outputs)
            if outputs[wanted].type not in FLOATS:
                raise CheckpointError(
                    "the output of the ONNX file holds no features",
                    where=self.path,
                    found=str(outputs[wanted]),
                    expected="float (n, d)",
                )
            return outputs[wanted]
        fitting = [port for port in outputs.values() if port.type in FLOATS and _may_be_features(port.shape)]
        if len(fitting) != 1:
            raise (UsageError if fitting else CheckpointError)(
                "the ONNX file has several outputs that may be the features"
                if fitting
                else "the ONNX file has no output of features",
                where=self.path,
                found="; ".join(map(str, outputs.values())),
                expected="one output of float (n, d)",
                next_step="choose one with --set output=NAME"
                if fitting
                else "export the network with its pooled feature",
            )
        return fitting[0]

    def _channels_last(self, layout: str) -> bool:
        shape = self.input.shape
        places = [place for place in (1, 3) if len(shape) == 4 and shape[place] in (3, None)]
        if layout != "auto":
            places = [place for place in places if place == {"nchw": 1, "nhwc": 3}[layout]]
        exact = [place for place in places if shape[place] == 3]
        if not places:
            raise CheckpointError(
                "the ONNX file does not take colour pictures",
                where=self.path,
                found=str(self.input),
                expected="(n, 3, height, width), or (n, height, width, 3)"
                if layout == "auto"
                else f"{layout} with 3 colours",
            )
        return (exact or places)[0] == 3

    def _others(self) -> str:
        others = [str(Port.of(found)) for found in self.session.get_outputs() if found.name != self.output.name]
        return f"choose another one with --set output=NAME: {'; '.join(others)}" if others else ""


def _may_be_features(shape: tuple[int | None, ...]) -> bool:
    return not shape or len(shape) == 2 or (len(shape) == 4 and shape[2:] == (1, 1))


def _session(path: Path) -> Any:
    """Return onnxruntime's session of a file, with as many threads as torch has and the same digits in every call."""
    runtime = require("onnxruntime", by="method 'onnx'", extra="onnx")
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    settings.inter_op_num_threads = 1
    settings.use_deterministic_compute = True
    settings.log_severity_level = 4  # what goes wrong is raised as well
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        with redirect_stdout(io.StringIO()):  # onnxruntime prints what it then raises
            return runtime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    except Exception as problem:  # onnxruntime's exceptions share no base class of their own
        raise CheckpointError("onnxruntime cannot load the ONNX file", where=path, found=_said(problem)) from None


def _said(problem: Exception) -> str:
    """Return onnxruntime's message in one line, without its numbers."""
    return in_one_line(str(problem).rpartition("[ONNXRuntimeError] :")[2])
