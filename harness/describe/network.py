"""The structure of a method: the output shape of every named module, the feature width and the parameter counts.

They are measured by running the method once on two made-up images, on torch's ``meta`` device, which computes shapes
without allocating memory; a method that depends on values runs on the processor instead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList
from torch.utils._python_dispatch import TorchDispatchMode

from harness.data.images import UNKNOWN
from harness.errors import BenchError, PluginError, UsageError
from harness.methods.method import TEST_LABELS, Method, Options, create
from harness.methods.network import NetworkMethod

IMAGES = 2
"""The smallest batch that batch normalisation can be trained on."""

BOXES = 16
"""Made-up boxes per image, each with a different label."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class NetworkStage:
    """The output of one named module of the network.

    Attributes:
        name: the path of the module, such as ``trunk.layer4``; if it returns several tensors, each has an entry with
            its index or key appended in brackets.
        shape: the shape of the output for one image.
        training: whether the module runs during training only.
    """

    name: str
    shape: Shape
    training: bool = False


@dataclass(frozen=True)
class Anatomy:
    """The structure of a method.

    Attributes:
        stages: the modules in the order of execution, first those used at test time.
        train: the number of parameters of the network in training, including frozen ones.
        last: the number of parameters that the last stage of the training changes, or None if there are no stages.
        test: the number of parameters that are read to compute a feature.
    """

    stages: tuple[NetworkStage, ...]
    width: int
    train: int
    last: int | None
    test: int
    needs: frozenset[str]
    test_needs: frozenset[str]
    input_size: tuple[int, int]
    metric: str


def dissect(name: str, method: type[Method], options: Options, classes: Mapping[str, int]) -> Anatomy:
    """Build a method for the given numbers of classes, and return its structure.

    Raises:
        BenchError: raised by the method itself, such as a DataError for a missing label.
        UsageError: the method fails on images of this size.
        PluginError: ``embed`` returns no features.
    """
    for device in ("meta", "cpu"):
        try:
            with torch.random.fork_rng([]), torch.device(device), torch.no_grad():
                return _dissected(method, options, classes)
        except Exception as problem:  # a method may not support the meta device, but it must run on the processor
            ours = isinstance(problem, BenchError)
            if ours and (device == "cpu" or not isinstance(problem, PluginError)):
                raise
            failure = problem
    height, width = create(method, options).input_size
    raise UsageError(
        f"{name} cannot be run on images of {height} x {width} pixels",
        found=f"{type(failure).__name__}: {str(failure).partition(chr(10))[0]}",
        next_step="try larger images with --input 224; if that also fails, the method has a bug",
    ) from failure


def _dissected(method: type[Method], options: Options, classes: Mapping[str, int]) -> Anatomy:
    instance = create(method, options)
    if isinstance(instance, NetworkMethod):
        instance.model = instance.architecture(classes)
    networks = {name: value for name, value in vars(instance).items() if isinstance(value, nn.Module)}
    images = torch.zeros(IMAGES, 3, *instance.input_size)
    tested: dict[str, Shape] = {}
    trained: dict[str, Shape] = {}
    reads = _ReadTensors()
    for network in networks.values():
        network.eval()
    with _recording(networks, tested), reads:
        features = instance.embed(images, **_made_up(instance.test_needs, instance.input_size))
    if isinstance(instance, NetworkMethod):
        with _recording(networks, trained):
            instance.model.train()(images, **_boxes(instance.needs, instance.input_size))
    parameters = {id(weight): weight.numel() for network in networks.values() for weight in network.parameters()}
    last = _last_stage(instance, classes)  # after the shapes, since a stage may change how the network runs
    return Anatomy(
        stages=(
            *(NetworkStage(stage, shape) for stage, shape in tested.items()),
            *(NetworkStage(stage, shape, training=True) for stage, shape in trained.items() if stage not in tested),
        ),
        width=_width(features),
        train=sum(parameters.values()),
        last=None if last is None else sum(count for weight, count in parameters.items() if weight in last),
        test=sum(count for weight, count in parameters.items() if weight in reads.seen),
        needs=frozenset(instance.needs),
        test_needs=frozenset(instance.test_needs),
        input_size=instance.input_size,
        metric=instance.metric,
    )


def _last_stage(method: Method, classes: Mapping[str, int]) -> set[int] | None:
    """Return the ids of the parameters that the last stage's optimisers change, or None without stages."""
    if not isinstance(method, NetworkMethod) or not (stages := method.stages(classes)):
        return None
    method.begin(method.model, stages[-1])
    groups = [group for optimiser in stages[-1].optimisers(method.model) for group in optimiser.param_groups]
    return {id(weight) for group in groups for weight in group["params"] if weight.requires_grad}


class _ReadTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Records the ids of all tensors that are read by an operation."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.seen: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        self.seen.update(id(tensor) for _, tensor in _tensors([*args, *(kwargs or {}).values()]))
        return func(*args, **(kwargs or {}))


@contextmanager
def _recording(networks: Mapping[str, nn.Module], found: dict[str, Shape]) -> Iterator[None]:
    """Record the output shape of every module whose path consists of names, without indices into a sequence."""
    handles = []
    for root, network in networks.items():
        for path, part in network.named_modules(prefix="" if root == "model" else root):
            named = path and not any(word.isdigit() for word in path.split("."))
            if named and not isinstance(part, nn.Identity | ParametrizationList | torch.jit.ScriptModule):
                handles.append(part.register_forward_hook(_recorder(path, found)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _recorder(path: str, found: dict[str, Shape]) -> Callable[..., None]:
    def record(_part: nn.Module, _given: object, returned: object) -> None:
        for place, tensor in _tensors(returned):
            shape = tuple(tensor.shape)
            found.setdefault(path + place, shape[1:] if shape[:1] == (IMAGES,) else shape)

    return record


def _tensors(value: object, place: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in nested lists and dictionaries, each with its index or key in brackets."""
    if isinstance(value, Tensor):
        yield place, value
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _tensors(item, f"{place}[{number}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors(item, f"{place}[{key}]")


def _width(features: object) -> int:
    shape = tuple(getattr(features, "shape", ()))
    if len(shape) != 2 or shape[0] != IMAGES:
        raise PluginError(
            "embed returned no features", found=shape or type(features).__name__, expected=f"({IMAGES}, d)"
        )
    return int(shape[1])


def _made_up(needs: Collection[str], size: tuple[int, int]) -> dict[str, Any]:
    """Return made-up inputs of ``embed`` besides two images."""
    known = {"path": tuple(f"{number}.jpg" for number in range(IMAGES)), "vehicle": torch.arange(IMAGES)}
    known |= {word: torch.full((IMAGES,), UNKNOWN) for word in TEST_LABELS}
    return {**{word: value for word, value in known.items() if word in needs}, **_boxes(needs, size)}


def _boxes(needs: Collection[str], size: tuple[int, int]) -> dict[str, list[Tensor]]:
    """Return made-up boxes of every needed kind by keyword; each box covers the upper left quarter of its image."""
    corners = [0.0, 0.0, size[1] / 2, size[0] / 2]
    rows = [[float(label), 1.0, *corners] for label in range(BOXES)]
    kinds = sorted(need.replace(".", "_") for need in needs if need.startswith("boxes."))
    return {kind: [torch.tensor(rows) for _ in range(IMAGES)] for kind in kinds}
