"""The formats of ``bench export``: how each is written, and how its content is computed again for a check."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from harness.basics.extras import require
from harness.methods.exported import CARD, Card
from harness.methods.method import Method
from harness.methods.networks import networks_of

OPSET = 17
"""Of ONNX: the newest that torch's tracing exporter writes without rewriting it afterwards."""


class Format(NamedTuple):
    """A format.

    Attributes:
        method: the word of the method that scores such a file.
        require: raises a UsageError if a package is missing.
        write: returns the content for a network, its card and two example images.
        compute: returns the features (n, d) of a content on images; the method gives what the content lacks.
    """

    method: str
    require: Callable[[], object]
    write: Callable[[nn.Module, Card, Tensor], bytes]
    compute: Callable[[bytes, Method, Tensor], npt.NDArray[np.float32]]


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what torch prints past Python off standard output: the whole graph, if it cannot be written."""
    kept = os.dup(1)
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _require_onnx() -> object:
    return [require(name, by="bench export --to onnx", extra="onnx") for name in ("onnx", "onnxruntime")]


def _write_onnx(network: nn.Module, card: Card, images: Tensor) -> bytes:
    onnx = require("onnx", by="bench export --to onnx", extra="onnx")
    content = io.BytesIO()
    with _silent():
        torch.onnx.export(
            network,
            (images,),
            content,  # type: ignore[arg-type]  # torch's tracing exporter takes a file as well
            input_names=["images"],
            output_names=["features"],
            dynamic_axes={"images": {0: "n"}, "features": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,  # the other exporter needs two more packages
        )
    graph = onnx.load_model_from_string(content.getvalue())
    onnx.helper.set_model_props(graph, {CARD: card.model_dump_json()})
    written: bytes = graph.SerializeToString(deterministic=True)
    return written


def _compute_onnx(content: bytes, _method: Method, images: Tensor) -> npt.NDArray[np.float32]:
    runtime = require("onnxruntime", by="bench export --to onnx", extra="onnx")
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(content, settings, providers=["CPUExecutionProvider"])
    (features,) = session.run(["features"], {"images": np.ascontiguousarray(images.numpy())})
    return np.asarray(features, np.float32)


def _write_torchscript(network: nn.Module, card: Card, images: Tensor) -> bytes:
    traced: Any = torch.jit.trace(network, images, check_trace=False)  # type: ignore[no-untyped-call]  # torch's
    content = io.BytesIO()
    torch.jit.save(traced, content, _extra_files={CARD: card.model_dump_json()})
    return content.getvalue()


def _compute_torchscript(content: bytes, _method: Method, images: Tensor) -> npt.NDArray[np.float32]:
    program: Any = torch.jit.load(io.BytesIO(content), map_location="cpu")  # type: ignore[no-untyped-call]  # torch's
    features: Tensor = program(images)
    return features.numpy()


def _write_safetensors(network: nn.Module, card: Card, _images: Tensor) -> bytes:
    from safetensors.torch import save

    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in _tensors(network.method).items()}
    return save(tensors, {CARD: card.model_dump_json()})


def _compute_safetensors(content: bytes, method: Method, images: Tensor) -> npt.NDArray[np.float32]:
    """Empty the method's networks, fill them from the content, and let the method embed."""
    from safetensors.torch import load

    own, read = _tensors(method), load(content)
    if own.keys() != read.keys():
        raise ValueError("the file lacks tensors")
    for name, tensor in own.items():
        tensor.zero_().copy_(read[name])
    features: Tensor = method.embed(images)
    return features.numpy()


def _tensors(method: Any) -> Mapping[str, Tensor]:
    """Return the parameters and buffers of a method's networks; of several, each behind the place that holds it."""
    networks = networks_of(method)
    prefixes = {place: f"{place}." if len(networks) > 1 else "" for place in networks}
    return {
        prefixes[place] + name: tensor
        for place, network in networks.items()
        for name, tensor in network.state_dict().items()
    }


FORMATS: Mapping[str, Format] = {
    "onnx": Format("onnx", _require_onnx, _write_onnx, _compute_onnx),
    "torchscript": Format("torchscript", lambda: None, _write_torchscript, _compute_torchscript),
    "safetensors": Format("torch", lambda: None, _write_safetensors, _compute_safetensors),
}
