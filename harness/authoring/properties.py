"""The properties that every method has, one function each: it raises a PluginError that says what to change.

The docstring of a function is the sentence that the table shows if the property holds.
"""

from __future__ import annotations

import pickle
import time
import weakref
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from PIL import Image
from pydantic import ValidationError
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.authoring.finding import Measured
from harness.authoring.trial import Trial
from harness.basics.leftovers import temporary_folder
from harness.basics.seeds import generators_at
from harness.describe.method import CLASSES
from harness.describe.network import dissect
from harness.errors import BenchError, PluginError, UsageError, first_of
from harness.extraction.alone import Limits, limits_of, unlike
from harness.extraction.embed import Features
from harness.extraction.samples import Samples
from harness.methods.method import Options, resolve_options
from harness.methods.network import NetworkMethod
from harness.methods.networks import digest_of, networks_of

PICTURES = ((1, 1), (17, 31), (301, 99), (64, 1))
"""Widths and heights in pixels of odd pictures."""

TIMES = 3
"""Batches that are timed, after a first one."""

NO_VALUE = "no-such-value"


def loads(trial: Trial) -> None:
    """It is found, keeps the contract and can be set up."""
    trial.method  # noqa: B018 - made now


def options(trial: Trial) -> None:
    """Recipes and variants fit, a wrong value is refused, and all values can be recorded."""
    kind, name = trial.kind, trial.asked.name
    for recipe in ("", *kind.recipes):
        for variant in ("", *kind.variants):
            _resolved(trial, recipe=recipe, variant=variant)
    for option, field in kind.Options.model_fields.items():
        if field.annotation in (int, float, bool):
            with suppress(UsageError):
                resolve_options(name, kind, changes={option: NO_VALUE})
                raise PluginError(
                    f"option '{option}' takes {NO_VALUE!r}",
                    expected=f"a message, since it is {getattr(field.annotation, '__name__', field.annotation)}",
                    next_step="check the value in the validator of the option",
                )
    stored = trial.options.model_dump(mode="json")
    try:
        same = kind.Options.model_validate(stored) == trial.options
    except ValidationError as problem:
        raise _unlike(str(problem.errors()[0]["loc"])) from problem
    if not same:
        raise _unlike(first_of(stored.items()))


def _resolved(trial: Trial, *, recipe: str, variant: str) -> Options:
    try:
        return resolve_options(trial.asked.name, trial.kind, recipe=recipe, variant=variant)
    except UsageError as problem:
        words = [f"recipe '{recipe}'" if recipe else "the defaults", f"variant '{variant}'" if variant else ""]
        raise PluginError(
            f"{' with '.join(filter(None, words))} cannot be used",
            found=problem.what,
            expected=problem.expected,
            next_step="correct the options that it sets",
        ) from problem


def _unlike(found: str) -> PluginError:
    return PluginError(
        "the options of a record are not those of the run",
        found=found,
        next_step="let every option be a value that JSON keeps: text, number, bool, or a list of these",
    )


def features(trial: Trial) -> None:
    """Features are finite float32, one row for each image."""
    kinds: list[str] = []
    with trial.watching(lambda returned: kinds.append(str(getattr(returned, "dtype", "")).removeprefix("torch."))):
        trial.features(trial.rows)
    if kinds[-1] != "float32":
        raise PluginError(
            "embed does not return float32",
            found=kinds[-1],
            expected="float32, which is what is stored",
            next_step="end embed with .float(), in NumPy with .astype(numpy.float32)",
        )


def width(trial: Trial) -> None:
    """A feature is as wide as 'bench methods show' says, in every batch."""
    shown = dissect(trial.asked.name, trial.kind, trial.options, CLASSES).width
    found = {count: trial.features(trial.rows[:count]).shape[1] for count in (1, len(trial.rows))}
    if set(found.values()) != {shown}:
        raise PluginError(
            "the width of a feature changes",
            found=", ".join(f"{wide} numbers among {count} images" for count, wide in found.items()),
            expected=f"always {shown}, as 'bench methods show' says",
            next_step="let the width depend on the options alone",
        )


def order(trial: Trial) -> None:
    """An image has the same features wherever it stands in a batch."""
    _same(trial, trial.features(trial.rows[::-1])[::-1], "in the opposite order")


def batch_size(trial: Trial) -> None:
    """An image has the same features in batches of any size."""
    for size in (2, 3):
        parts = [trial.features(trial.rows[start : start + size]) for start in range(0, len(trial.rows), size)]
        _same(trial, np.concatenate(parts), f"in batches of {size}")


def one_image(trial: Trial) -> None:
    """A batch of one image works as any other."""
    rows = trial.rows
    _same(trial, np.concatenate([trial.features([row]) for row in rows]), "alone")


def _same(trial: Trial, found: Features, where: str) -> None:
    which = f"its features in a batch of {len(trial.rows)} and {where}"
    other = unlike(trial.features(trial.rows), found, _limits(trial), which)
    if other is not None:
        raise PluginError(
            f"an image has other features {where}",
            found=other.found,
            expected=other.expected,
            next_step="compute each image's features from that image alone: no statistics of the batch",
        )


def picture_sizes(trial: Trial) -> None:
    """Pictures of any size give finite features, down to a single pixel."""
    with temporary_folder("check") as folder:
        keys = trial.subjects.pictures.keys[: len(PICTURES)]
        for key, size in zip(keys, PICTURES, strict=False):
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", size, (90, 120, 30)).save(path, trial.dataset.formats[0])
        odd = trial.subjects.take(np.arange(len(keys)))
        odd.pictures.root = folder
        trial.features(range(len(keys)), subjects=odd)


def input_sizes(trial: Trial) -> None:
    """An odd input size works or is refused with a message."""
    if "input_size" not in trial.kind.Options.model_fields:
        return
    height, width = trial.method.input_size
    try:
        changed = trial.with_options({"input_size": str(height + 1 if height == width else f"{height + 1}x{width}")})
        method = trial.made(changed)
    except PluginError:
        raise
    except BenchError:
        return
    try:
        trial.features(trial.rows[:2], method, trial.subjects_for(method))
    except PluginError as problem:
        raise PluginError(
            f"input_size={height + 1} fails in embed",
            found=problem.found or problem.what,
            next_step="refuse such sizes where the option is declared, for example by ge=32 or multiple_of=16",
        ) from problem
    except BenchError:
        return


def evaluation_mode(trial: Trial) -> None:
    """Every part of a network runs in evaluation mode."""
    training: list[str] = []

    def note(part: nn.Module, _given: object) -> None:
        if part.training:
            training.append(type(part).__name__)

    handle = register_module_forward_pre_hook(note)
    try:
        trial.features(trial.rows)
    finally:
        handle.remove()
    if training:
        raise PluginError(
            "parts of a network are embedded in training mode",
            found=first_of(dict.fromkeys(training), 5),
            next_step="keep networks in attributes of the method, where they are found; do not call train() in embed",
        )


def gradients(trial: Trial) -> None:
    """Features and networks keep no gradients."""
    kept: list[bool] = []
    with trial.watching(lambda returned: kept.append(bool(getattr(returned, "requires_grad", False)))):
        trial.features(trial.rows)
    networks = networks_of(trial.method).values()
    if any(kept) or any(weight.grad is not None for network in networks for weight in network.parameters()):
        raise PluginError(
            "gradients are kept, which fills the memory",
            found="features with requires_grad" if any(kept) else "parameters with a gradient",
            next_step="do not switch gradients on in embed; it is called under torch.inference_mode()",
        )


def workers(trial: Trial) -> None:
    """What the processes that decode images receive can be sent to them."""
    sent: dict[str, Any] = {"the boxes": Samples(trial.subjects.pictures, trial.subjects.boxes)}
    method = trial.made()
    if isinstance(method, NetworkMethod):
        stages = method.stages(CLASSES)
        sent |= {f"the augmentation of stage '{stage.name}'": stage.augment for stage in stages}
    for name, value in {"the options": trial.options, **sent}.items():
        try:
            pickle.dumps(value)
        except Exception as problem:  # whatever a third party's object raises
            raise PluginError(
                f"{name} cannot be sent to another process",
                found=f"{type(problem).__name__}: {problem}",
                next_step="use functions and classes at the top level of a module, no lambdas and open files",
            ) from problem


def twice(trial: Trial) -> None:
    """The same images have the same features again, also when the method is set up again."""
    with generators_at(1):
        first, again = trial.made(), trial.made()
        expected = trial.features(trial.rows, first)
    if digest_of(first) != digest_of(again):
        raise PluginError(
            "the weights are others each time the method is set up",
            next_step="draw them from torch, numpy.random or random, which are seeded, or from a seed of your own",
        )
    for seed, method in ((2, first), (3, again)):
        with generators_at(seed):
            found = trial.features(trial.rows, method)
        if not _equal(trial, expected, found):
            raise PluginError(
                "the same images have other features the second time",
                found=f"a difference of {float(np.abs(expected - found).max()):.3g}",
                expected="the same digits",
                next_step="draw nothing at random in embed, and keep nothing from one batch to the next",
            )


def _equal(trial: Trial, some: Features, others: Features) -> bool:
    if trial.fabric.device.type == "cpu":
        return np.array_equal(some, others)
    return unlike(some, others, _limits(trial), "") is None  # kernels of a GPU may sum in any order


def _limits(trial: Trial) -> Limits:
    return limits_of(trial.fabric.strategy.precision.precision)


def output(trial: Trial) -> None:
    """Nothing is printed to standard output, which belongs to the command's answer."""
    trial.features(trial.rows)
    text = trial.printed.getvalue()
    if text:
        raise PluginError(
            "the method prints to standard output",
            found=repr(text.strip()[:80]),
            next_step="use logging, or print(..., file=sys.stderr)",
        )


def cost(trial: Trial) -> None:
    """Time and memory are measured."""
    trial.features(trial.rows)
    count, seconds = len(trial.rows), []
    for _ in range(TIMES):
        began = time.perf_counter()
        trial.features(trial.rows)
        seconds.append(time.perf_counter() - began)
    with _LiveTensors() as tensors:
        trial.features(trial.rows)
    weights = sum(_bytes(network) for network in networks_of(trial.method).values())
    raise Measured(
        f"{1e3 * sorted(seconds)[TIMES // 2] / count:.2f} ms and {tensors.peak / count / 1e6:.2f} MB of tensors an "
        f"image, {weights / 1e6:.2f} MB of weights, in a batch of {count} on {trial.fabric.device.type}"
    )


def _bytes(network: nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in (*network.parameters(), *network.buffers()))


class _LiveTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Counts the bytes of the tensors that operations return, while they live."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.live = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        returned = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(returned):
            if isinstance(tensor, torch.Tensor):
                self._add(tensor.untyped_storage())
        return returned

    def _add(self, storage: torch.UntypedStorage) -> None:
        if id(storage) in self._known:
            return
        self._known.add(id(storage))
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._drop, id(storage), storage.nbytes())

    def _drop(self, known: int, size: int) -> None:
        self._known.discard(known)
        self.live -= size


PROPERTIES: Mapping[str, Callable[[Trial], None]] = {
    "loads": loads,
    "options": options,
    "features": features,
    "width": width,
    "order": order,
    "batch size": batch_size,
    "one image": one_image,
    "picture sizes": picture_sizes,
    "input sizes": input_sizes,
    "evaluation mode": evaluation_mode,
    "gradients": gradients,
    "workers": workers,
    "twice the same": twice,
    "output": output,
    "cost": cost,
}
"""Every property by its name in the table, in the order in which they are checked."""
