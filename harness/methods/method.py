"""The contract of a method: a class that turns images into features, with its options, variants and recipes."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.basics.names import PART_WORDS, is_part
from harness.basics.seeds import derive, generators_at
from harness.data.resizing import STRETCHED, Resizing
from harness.errors import BenchError, PluginError, UsageError, unknown_name, wanted
from harness.features.metric import Metric
from harness.methods.trouble import plugin_error

if TYPE_CHECKING:
    import torch

    from harness.boxes import Boxes
    from harness.data.images import IntArray
    from harness.methods.session import Session

State = dict[str, "torch.Tensor"]


TEST_LABELS = ("camera", "view")
"""The labels of test images that ``embed`` may need and that a method can do without."""


class Options(BaseModel):
    """The options of a method, set with ``--set name=value``; subclass it and give every field a default.

    A field's ``description`` names the source of its default in brackets: ``(section 3.5)``, ``(table 4)``, ``(R)`` for
    the authors' released recipe, ``(open)`` for an unpublished value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Method:
    """Turns images into features.

    The smallest method is any class with ``embed``; everything else defaults to this class. The harness sets
    ``options`` and ``seed`` before it calls ``__init__`` without arguments.

    Attributes:
        version: increase it when the features change without a change of the source code.
        about: one sentence for ``bench methods``.
        papers: the papers that it implements: authors, title, venue and year.
        Options: the model of the options; its field ``input_size``, if any, is the size of the images.
        recipes: named sets of options; ``paper`` follows the paper, ``quick`` trains within minutes on two cores.
        precisions: for some recipes, the precision in which they train and embed on a device that computes it in
            hardware, such as ``bf16-mixed``; ``32-true`` for all others; ``--precision`` overrides it.
        rows: for a recipe whose paper has no main form, the variants that its rows are named after: a run by that
            recipe is named after one of them rather than after the method alone.
        variants: the ablations of the paper, as named sets of options on top of a recipe.
        own_files: the options that name a file of the user's or one of some words. A file stands for the first of the
            words, such as public weights that may not be redistributed: giving one does not change a run's name.
        needs: labels (``vehicle``, ``colour``, ...) and boxes (``boxes.parts``, ``boxes.regions``) for training;
            ``model|type`` means the first of these labels that the training images have.
        test_needs: keyword arguments that ``embed`` receives besides the images (see ``embed``). The class declares
            the ``needs`` and ``test_needs`` of the published method; ``__init__`` may set those of the given options.
        without: for a label in ``test_needs`` the option by which the method does without: ``{"camera": "sie=none"}``.
            It is named when a data set has no such label.
        control: True for a method that no paper would report, such as one that reads the test labels.
        metric: how features are compared.
        resizing: how pictures come to the input size; a method with boxes must not cut anything off.
        modules: the modules that ``__init__`` imported by a name that an option gives; they count as the method's code.
        preprocessing: for ``bench methods show``, how images are prepared: colours, scale, mean and deviation, size.
        provenance: for ``bench methods show``, where the weights come from and what they have seen.
        source: where the weights come from if no option names their file, such as ``hf-hub:timm/resnet50.a1_in1k``;
            ``__init__`` sets it, and the record has it.
        trained_on: the data that the weights have seen, protocols by their names, where their file says so;
            ``__init__`` sets it, for random weights to ``("nothing",)``. A user says it with ``--trained-on``.
        read_files: files that ``__init__`` read besides those that options name, by a word: ``{"opts": path}``. Their
            digests are part of a run's identity and of its record.
        options: the options of this run.
        seed: the seed of this run, for weights that ``__init__`` draws.
    """

    version: ClassVar[int] = 1
    about: ClassVar[str] = ""
    papers: ClassVar[tuple[str, ...]] = ()
    Options: ClassVar[type[Options]] = Options
    recipes: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    precisions: ClassVar[Mapping[str, str]] = {}
    rows: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    own_files: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    needs: frozenset[str] = frozenset()
    test_needs: frozenset[str] = frozenset()
    without: ClassVar[Mapping[str, str]] = {}
    control: ClassVar[bool] = False
    metric: Metric = "cosine"
    resizing: Resizing = STRETCHED
    modules: tuple[str, ...] = ()
    preprocessing: ClassVar[str] = ""
    provenance: ClassVar[str] = ""
    source: str = ""
    trained_on: tuple[str, ...] = ()
    read_files: Mapping[str, Path] = MappingProxyType({})
    options: Any
    seed: int = 0

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width in pixels that images are resized to."""
        size = getattr(self.options, "input_size", 224)
        return (size, size) if isinstance(size, int) else tuple(size)

    @abstractmethod
    def embed(
        self,
        images: torch.Tensor,
        *_: Any,  # with it, type checkers accept a subclass whose embed takes fewer arguments
        **needed: Any,
    ) -> torch.Tensor:
        """Return the features of a batch.

        A subclass takes what it needs: ``embed(self, images)``, or ``embed(self, images, boxes_parts)``.

        Args:
            images: (n, 3, height, width) float32, RGB, 0 to 1.
            needed: one argument for each word of ``test_needs``: ``path`` is a tuple of keys; ``vehicle``, ``camera``
                and ``view`` are (n,) int64, as the data set numbers them, -1 if unknown; ``boxes_parts`` and
                ``boxes_regions`` are lists of n tensors (m, 6): label, score, x0, y0, x1, y1 in pixels of the resized
                image.

        Returns:
            (n, d) float32.
        """

    def arrange_boxes(
        self,
        boxes: Mapping[str, Boxes],
        vehicles: Mapping[str, int] | None,  # noqa: ARG002 - the contract
    ) -> Mapping[str, Boxes]:
        """Return the boxes for the network: selected, renumbered or completed.

        Args:
            boxes: the boxes in the files by keyword of ``embed``, restricted to the images to train on or to embed.
            vehicles: the vehicle of each training image by key, or None at test time.

        Raises:
            DataError: boxes that the method requires are missing.
        """
        return boxes

    def check_labels(self, keys: Sequence[str], labels: Mapping[str, IntArray]) -> None:
        """Refuse numbers that ``embed`` cannot use, before any image is embedded; override it if there are some.

        Args:
            keys: the n images to embed.
            labels: the (n,) int64 cameras and views by name, if ``test_needs`` names them.

        Raises:
            DataError: a number cannot be used.
        """

    def fit(self, session: Session) -> None:
        """Train on ``session.train``; override it if the method needs training."""

    def state(self) -> State:
        """Return the trained tensors by name; empty if nothing is trained."""
        return {}

    def restore(self, state: State, classes: Mapping[str, int]) -> None:
        """Restore the ``state`` of a trained method.

        Args:
            state: the tensors.
            classes: the number of classes of each label during training.
        """


def used_needs(needs: Collection[str], labels: Collection[str]) -> frozenset[str]:
    """Return the needs, each alternative ``a|b`` replaced by the first of its labels that is available.

    An alternative without an available label is returned unchanged.
    """
    return frozenset(next((word for word in need.split("|") if word in labels), need) for need in needs)


def trains(method: type[Method]) -> bool:
    """Return whether the method has a ``fit`` of its own."""
    return method.fit is not Method.fit


def complete(candidate: object) -> type[Method]:
    """Return a class completed with the defaults of ``Method``, or raise a PluginError that names what it lacks."""
    if not inspect.isclass(candidate):
        raise PluginError("a method must be a class", found=repr(candidate), expected="a class with embed(images)")
    if not callable(getattr(candidate, "embed", None)):
        raise PluginError("a method must have embed(images)", found=candidate.__qualname__)
    metric = inspect.getattr_static(candidate, "metric", "cosine")
    if isinstance(metric, str) and metric not in get_args(Metric):
        raise PluginError(
            f"{candidate.__qualname__} names an unknown metric", found=metric, expected=" or ".join(get_args(Metric))
        )
    _refuse_unsafe_names(candidate)
    size = _square_or_pair(candidate)
    if not issubclass(candidate, Method):
        body = {name: getattr(candidate, name) for name in ("__module__", "__doc__", "__qualname__")}
        return type(candidate.__name__, (candidate, Method), {**body, **size})
    if size:
        setattr(candidate, "input_size", size["input_size"])  # noqa: B010 - a value in place of the property
    parts = inspect.getmembers(candidate)
    if lacking := [name for name, part in parts if getattr(part, "__isabstractmethod__", False)]:
        raise PluginError(
            f"{candidate.__qualname__} does not define {', '.join(lacking)}", next_step="see docs/your-method.md"
        )
    return candidate


def _refuse_unsafe_names(candidate: type) -> None:
    """Raise a PluginError if a variant or a recipe cannot be part of the name of a run's folder."""
    for kind in ("variants", "recipes"):
        for name in getattr(candidate, kind, ()):
            if not isinstance(name, str) or not is_part(name):
                raise PluginError(
                    f"{candidate.__qualname__} has a name among its {kind} that cannot be used",
                    found=repr(name)[:100],
                    expected=PART_WORDS,
                )


def _square_or_pair(candidate: type) -> dict[str, tuple[int, int]]:
    """Return the input size that a class has as a plain value, as height and width; empty if it has none.

    Raises:
        PluginError: the value is no size.
    """
    size = inspect.getattr_static(candidate, "input_size", None)
    if size is None or isinstance(size, property):
        return {}
    pair = (size, size) if isinstance(size, int) else size
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(type(one) is int and one > 0 for one in pair):
        raise PluginError(
            f"{candidate.__qualname__}.input_size is no size", found=repr(size), expected="224, or (height, width)"
        )
    return {"input_size": (pair[0], pair[1])}


def resolve_options(
    name: str,
    method: type[Method],
    *,
    variant: str = "",
    recipe: str = "",
    changes: Mapping[str, Any] | None = None,
    shown_by: str = "bench methods show {name}",
) -> Options:
    """Return the options of a run: the defaults, overridden by the recipe, then the variant, then the user.

    An empty variant is the method as published, an empty recipe its defaults. ``shown_by`` is the command that shows
    the options, for messages.

    Raises:
        UsageError: unknown variant, recipe or option, or an invalid value.
    """
    if variant and variant not in method.variants:
        raise unknown_name(f"variant of {name}", variant, method.variants)
    if recipe and recipe not in method.recipes:
        raise unknown_name(f"recipe of {name}", recipe, method.recipes)
    changes = changes or {}
    for option in changes:
        if option not in method.Options.model_fields:
            raise unknown_name(f"option of {name}", option, method.Options.model_fields)
    values = {**method.recipes.get(recipe, {}), **method.variants.get(variant, {}), **changes}
    try:
        return method.Options(**values)
    except ValidationError as problem:
        first = problem.errors()[0]
        option = str(first["loc"][0]) if first["loc"] else ""  # the rest of a place names pydantic's own parts
        raise UsageError(
            f"option '{option}' of {name} does not fit" if option else f"the options of {name} do not fit together",
            found=first.get("input") if option else None,
            expected=wanted(first),
            next_step=f"see '{shown_by.format(name=name)}'",
        ) from None


def create(method: type[Method], options: Options, seed: int = 0) -> Method:
    """Return an instance with these options.

    The seed decides what ``__init__`` draws from the global generators, such as the weights of a new network.

    Raises:
        PluginError: its ``__init__`` fails, which the message quotes, or it needs boxes of pictures that it crops.
    """
    instance = method.__new__(method)
    instance.options = options
    instance.seed = seed
    try:
        with generators_at(derive(seed, "method")):
            instance.__init__()  # type: ignore[misc]  # the instance is not set up yet
    except BenchError:
        raise
    except (Exception, SystemExit) as problem:
        raise plugin_error(f"method {method.__name__} could not be set up", problem, method) from problem
    boxes = sorted(need for need in instance.needs | instance.test_needs if need.startswith("boxes."))
    if boxes and instance.resizing.moves_boxes:
        raise PluginError(
            f"method {method.__name__} needs boxes, and cuts off parts of the pictures",
            found=f"{', '.join(boxes)}; {instance.resizing}",
            expected="a resizing that keeps the whole picture",
        )
    return instance
