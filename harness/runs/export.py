"""Exports the network of a finished run, after comparing the exported one's features with the run's own."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from harness.basics.digests import file_digest
from harness.basics.files import replace_file
from harness.compute.compute import FULL
from harness.data.dataset import Dataset
from harness.data.pictures import decode
from harness.errors import CheckpointError, RunError, UsageError, error_line, first_of, unknown_name
from harness.extraction.alone import cosines, limits_of, unlike
from harness.extraction.samples import to_unit_range
from harness.features import FeatureFile, Provenance
from harness.features.finding import FEATURES
from harness.methods.checkpoint import CHECKPOINT, check_known, load_checkpoint, same_form
from harness.methods.exported import Card
from harness.methods.method import Method, create, resolve_options, trains
from harness.methods.networks import networks_of
from harness.registry.registry import Registry
from harness.runs.graphs import FORMATS, Format
from harness.runs.plan import BESIDE
from harness.tasks.opening import find_root

CHECKED = 16
"""Images on which the exported network is compared with the run."""

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ExportRequest:
    """One export.

    Attributes:
        run: the run's folder.
        to: a format: ``onnx``, ``torchscript`` or ``safetensors``.
        out: the file to write.
        protocol: the protocol that the run was scored by, or None for the one that its features name.
        data: the folder of its data set, or None for the protocol's own.
        changes: the options that name files or folders, which a run remembers without the folders that they lie in.
        checkpoint: the checkpoint, if the run was given one.
    """

    run: Path
    to: str
    out: Path
    protocol: str | None = None
    data: Path | None = None
    changes: Mapping[str, str] = field(default_factory=dict)
    checkpoint: Path | None = None


class Export(NamedTuple):
    """What was written.

    Attributes:
        card: the input of the network, as the file says it.
        width: of a feature.
        images: the number of compared images.
        difference: the largest difference of a feature's number to the run's own.
        cosine: the least cosine of an image's two features.
        precision: in which the run computed its features; the file's network computes in float32.
    """

    path: Path
    card: Card
    width: int
    images: int
    difference: float
    cosine: float
    precision: str


def export(request: ExportRequest, registry: Registry) -> Export:
    """Write the network of a run into a file.

    Raises:
        UsageError: unknown format, a method without a network or one that needs more than images, or a package,
            a file or the data set is not given.
        CheckpointError: the checkpoint or a file is missing or not the run's own.
        DataError: the images that the features are of are missing.
        RunError: the network cannot be exported, or the exported one gives other features; nothing is written.
    """
    if request.to not in FORMATS:
        raise unknown_name("format of an export", request.to, FORMATS)
    form = FORMATS[request.to]
    form.require()
    with FeatureFile.open(_features(request.run)) as file:
        about = file.provenance
        method = _method(request, registry, about)
        dataset = _dataset(request, registry, about)
        keys = [file.keys[row] for row in np.unique(np.linspace(0, len(file) - 1, CHECKED).astype(np.int64))]
        expected = file.read(keys).astype(np.float32)
    card = Card(
        run=about.run_name[:200],
        input_size=method.input_size,
        interpolation=method.resizing.interpolation,
        keep_ratio=method.resizing.keep_ratio,
        share=method.resizing.share,
        round_down=method.resizing.round_down,
        metric=method.metric,
    )
    images = _images(method, dataset, keys)
    content, found = _written(form, method, card, images)
    difference, cosine = _compared(found, expected, about)
    with replace_file(request.out, "wb") as out:
        out.write(content)
    return Export(request.out, card, found.shape[1], len(keys), difference, cosine, about.precision or FULL)


def _features(run: Path) -> Path:
    """Return the feature file of a run; of several any, since all are of one network."""
    found = sorted(run.glob(f"*/{FEATURES}"))
    if not found:
        raise UsageError(
            "the folder holds no finished run",
            where=run,
            expected=f"a folder below --runs, with {FEATURES} in a folder of its own",
            next_step="give the folder that 'bench run' prints at its end",
        )
    return found[0]


def _method(request: ExportRequest, registry: Registry, about: Provenance) -> Method:
    """Return the method of a run with its network, in evaluation mode."""
    kind = registry.method(about.method)
    files = about.files.keys() & about.options.keys()
    folders = {name: value for name, value in request.changes.items() if _is_folder(value, about.options.get(name))}
    if other := sorted(request.changes.keys() - files - folders.keys()):
        raise UsageError(
            "an export takes the options of its run",
            found=f"--set {first_of(other)}",
            expected="--set for what the run has read alone, a file or a folder of the same name: "
            + (first_of(sorted(files)) or "this run has no file"),
        )
    trained = trains(kind)
    given = {} if trained else _given_files(request, about)
    options = resolve_options(about.method, kind, changes={**about.options, **given, **folders})
    method = create(kind, options, about.seed or 0)
    for word, path in method.read_files.items():
        _check_file(path, about.files.get(BESIDE + word))
    if trained:
        _restore(method, request, about)
    if method.test_needs:
        raise UsageError(
            f"{about.method} needs more than images, which no exported network is given",
            found=first_of(sorted(method.test_needs)),
            next_step="export a variant without that, if the method has one",
        )
    networks = networks_of(method)
    if not any(True for network in networks.values() for _ in network.parameters()):
        raise UsageError(f"{about.method} has no network of torch to export", where=request.run)
    for network in networks.values():
        network.eval().requires_grad_(requires_grad=False)
    return method


def _given_files(request: ExportRequest, about: Provenance) -> dict[str, str]:
    """Return the paths of the files that the run's options named, which must have the same bytes."""
    given = {name: request.changes.get(name, about.options[name]) for name in about.files if name in about.options}
    for name, path in given.items():
        if not Path(path).is_file():
            raise UsageError(
                "the run read a file that is not here", found=f"{name}={path}",
                next_step=f"say where it is with --set {name}=FILE",
            )  # fmt: skip
        _check_file(path, about.files[name])
    return given


def _is_folder(given: str, remembered: object) -> bool:
    """Return whether a value is a folder, of which the run remembers the base name."""
    return isinstance(remembered, str) and Path(given).is_dir() and Path(given).name == remembered


def _check_file(path: str | Path, wanted: str | None) -> None:
    if file_digest(path) != wanted:
        raise CheckpointError(
            "the file is not the one that the run read",
            where=path,
            found=f"SHA-256 {file_digest(path)[:12]}...",
            expected=f"{wanted[:12]}..." if wanted else "no such file",
        )


def _restore(method: Method, request: ExportRequest, about: Provenance) -> None:
    path = request.checkpoint or request.run / CHECKPOINT
    if not path.is_file():
        raise CheckpointError(
            "the run's checkpoint is missing", where=path, next_step="give the one of the run with --checkpoint FILE"
        )
    if file_digest(path) != about.checkpoint:
        raise CheckpointError("the checkpoint is not the one that the run's features come from", where=path)
    state, info = load_checkpoint(path)
    check_known(path, info, type(method))
    with same_form(path, f"the method '{about.method}'"):
        method.restore(state, info.classes)


def _dataset(request: ExportRequest, registry: Registry, about: Provenance) -> Dataset:
    protocol = registry.protocol((request.protocol or about.dataset).partition("/")[0])
    return protocol.load(find_root(protocol, request.data))


def _images(method: Method, dataset: Dataset, keys: list[str]) -> Tensor:
    """Return (n, 3, h, w) float32, RGB from 0 to 1, as an extraction gives them."""
    pixels = [decode(dataset.file(key), method.input_size, dataset.formats, method.resizing) for key in keys]
    return to_unit_range(torch.from_numpy(np.stack(pixels)), torch.device("cpu"))


def _written(form: Format, method: Method, card: Card, images: Tensor) -> tuple[bytes, Features]:
    """Return the content of the file, and the features (n, d) that its network gives, alone and in a batch."""
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing warns of every number that it takes as fixed; the check finds out
            content = form.write(Embedding(method), card, images[:2])
            alone = form.compute(content, method, images[:1])
            found = np.concatenate([alone, form.compute(content, method, images[1:])]) if len(images) > 1 else alone
    except Exception as problem:  # whatever torch and onnxruntime raise on a network that they cannot take
        raise RunError(
            f"the network of {type(method).__name__} cannot be exported",
            found=f"{type(problem).__name__}: {error_line(problem)}",
            next_step="try another format with --to",
        ) from problem
    return content, found


def _compared(found: Features, expected: Features, about: Provenance) -> tuple[float, float]:
    """Return the largest difference and the least cosine, or refuse an export that gives other features."""
    if found.shape != expected.shape:
        raise RunError(
            "the exported network gives features of another shape than the run; nothing was written",
            found=found.shape,
            expected=expected.shape,
        )
    difference = float(np.abs(found - expected).max())
    other = unlike(found, expected, limits_of(about.precision), "the network's and the run's features of an image")
    if other is not None:
        raise RunError(
            "the exported network gives other features than the run; nothing was written",
            found=f"{other.found}; a difference of {difference:.3g}",
            expected=other.expected,
            next_step="try another format with --to; a network that depends on values cannot be traced",
        )
    return difference, float(cosines(found, expected).min())


class Embedding(nn.Module):
    """A method as a network: from images to features."""

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks_of(method).values())
        self.method: Any = method

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, d) float32 of (n, 3, h, w) float32, RGB, 0 to 1."""
        features: Tensor = self.method.embed(images)
        return features.to(torch.float32)
