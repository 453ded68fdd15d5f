"""ONNX files: read without the tensors that they keep elsewhere, and these checked to lie beside the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from harness.errors import CheckpointError, first_of, in_one_line

MAX_BYTES = (1 << 31) - 1
"""The largest protocol buffer; a larger network keeps its tensors in a file beside it."""


def read_graph(path: Path, onnx: Any) -> Any:
    """Return the ``ModelProto`` of a file; tensors in other files are not read.

    Args:
        path: of the file.
        onnx: the package.

    Raises:
        CheckpointError: it is no ONNX file, or is damaged or too large.
    """
    if path.stat().st_size > MAX_BYTES:
        raise CheckpointError("the ONNX file is too large", where=path, expected="at most 2 GiB")
    try:
        graph = onnx.load(str(path), load_external_data=False)
    except Exception as problem:  # protobuf's errors share no base class of their own
        raise CheckpointError("the ONNX file is damaged, or is none", where=path, found=in_one_line(problem)) from None
    if not graph.graph.node:
        raise CheckpointError("the ONNX file is damaged, or is none", where=path, found="no network in it")
    return graph


def beside(graph: Any, path: Path) -> dict[str, Path]:
    """Return the files that hold tensors of a graph, by the place that it names.

    Raises:
        CheckpointError: one is missing, too short, a link, or outside the graph's folder.
    """
    ends: dict[str, int] = {}
    for tensor in external(graph):
        about = {entry.key: entry.value for entry in tensor.external_data}
        place = about.get("location", "")
        ends[place] = max(ends.get(place, 0), _end(about, path))
    found = {place: _inside(place, path) for place in sorted(ends)}
    for place, file in found.items():
        if file.stat().st_size < ends[place]:
            raise CheckpointError(
                "a file with tensors of the ONNX file is too short",
                where=file,
                found=f"{file.stat().st_size} bytes",
                expected=f"{ends[place]} bytes",
                next_step="copy it again",
            )
    return found


def _end(about: dict[str, str], path: Path) -> int:
    try:
        offset, length = int(about.get("offset") or 0), int(about.get("length") or 0)
    except ValueError:
        offset = length = -1
    if offset < 0 or length < 0:
        raise CheckpointError(
            "the ONNX file does not say where its tensors lie", where=path, found=first_of(about.items())
        )
    return offset + length


def _inside(place: str, path: Path) -> Path:
    """Return the file of a place that a graph names, which must lie in the graph's folder or below it."""
    parts = PurePosixPath(place).parts
    plain = bool(parts) and not PurePosixPath(place).is_absolute() and ".." not in parts
    if not plain or "\\" in place or ":" in place or "\0" in place:
        raise CheckpointError(
            "the ONNX file names tensors outside its folder",
            where=path,
            found=place,
            expected="the name of a file beside it",
            next_step="save it again with its tensors beside it, or in one file",
        )
    file = path.parent
    for part in parts:
        file /= part
        if file.is_symlink():
            raise CheckpointError(
                "the ONNX file names tensors behind a link",
                where=path,
                found=place,
                expected="a file beside it",
                next_step="copy the file itself in place of the link",
            )
    if not file.is_file():
        raise CheckpointError(
            "a file with tensors of the ONNX file is missing", where=file, next_step=f"copy it beside {path.name}"
        )
    return file


def external(graph: Any) -> Iterator[Any]:
    """Yield every tensor of a ``ModelProto`` that lies in another file."""
    for tensor in _of_nodes(graph.graph, graph.functions):
        if tensor.data_location == tensor.EXTERNAL or tensor.external_data:
            yield tensor


def _of_nodes(graph: Any, functions: Any = ()) -> Iterator[Any]:
    """Yield the tensors of a graph, of its functions and of all graphs within."""
    yield from getattr(graph, "initializer", ())
    for sparse in getattr(graph, "sparse_initializer", ()):
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for inner in (attribute.g, *attribute.graphs):
                yield from _of_nodes(inner)
    for function in functions:
        yield from _of_nodes(function)
