"""A run's plan: a request with every name looked up, before any image is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from harness.basics.digests import file_digest
from harness.compute.compute import FULL, PROPOSED
from harness.errors import UsageError
from harness.features.provenance import Origin
from harness.features.seen import apart, seen_word
from harness.methods.checkpoint import check_belongs, check_known, load_checkpoint, same_form
from harness.methods.files import portable
from harness.methods.method import Method, Options, create, resolve_options, trains
from harness.methods.naming import Naming, name_run
from harness.postprocessing.tuned import TunedFile
from harness.registry.kinds import PROTOCOL
from harness.registry.registry import OWN_SUFFIX, Registry
from harness.runs.request import Request
from harness.runs.training_sets import joined_name, joined_recipe, training_folders, training_protocols
from harness.scoring.evaluation import chain_of
from harness.steps.chain import Chain
from harness.tasks.protocol import Protocol
from harness.tasks.task import Task

BESIDE = "beside:"
"""Before the word of a file that no option names; options have no colon, so that no file hides another."""


class Held(NamedTuple):
    """What a method holds once it is set up, without the method itself, which may be large.

    Attributes:
        numbers: the digest of its networks, tensors and arrays, or None without any.
        weights: the same digest if its networks have parameters, else None.
        source: where its weights come from, if no option names their file; else empty.
        trained_on: the data that its weights have seen, as their file says.
        files: the digests of the files that it has read, besides those that options name: ``beside:WORD``.
        modules: the further modules that count as its code.
        resizing: how pictures come to its input size, in words; empty for the default.
        own_size: height and width in pixels of its input, if it follows from what it holds rather than from an option.
    """

    needs: frozenset[str]
    test_needs: frozenset[str]
    numbers: str | None
    weights: str | None
    source: str
    trained_on: tuple[str, ...]
    files: dict[str, str]
    modules: tuple[str, ...]
    resizing: str
    own_size: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class RunPlan:
    """A request, resolved.

    Attributes:
        named: the variant that the run is named after, empty for the method as published, and what differs from it.
        recipe: empty for the default options.
        post: the steps of post-processing.
        train_protocols: the data sets to train on, sorted by name if there are several.
        tuned: the file of ``bench tune`` that they come from, or None.
    """

    request: Request
    registry: Registry
    name: str
    named: Naming
    recipe: str
    method: type[Method]
    options: Options
    protocol: Protocol
    tasks: Sequence[Task]
    post: Chain
    train_protocols: tuple[Protocol, ...]
    tuned: TunedFile | None = None

    @property
    def trains(self) -> bool:
        """Whether the run trains: its method does, and the request gives no checkpoint."""
        return trains(self.method) and self.request.checkpoint is None

    @property
    def renamed(self) -> str:
        """A sentence if the run has another name than the one that it was asked for by; else empty."""
        request, run = self.request, Origin(method=self.name, variant=self.named.variant, changes=self.named.changes)
        if request.checkpoint is not None or self.named.variant == request.method.partition("/")[2]:
            return ""
        if run.variant or request.changes:
            return f"{request.method} with these options is {run.run_name}"
        under = f"the recipe {self.recipe}" if self.recipe else "the default options"
        return f"{request.method} changes nothing under {under}: it is {run.run_name}"

    @property
    def trains_on_the_same_data(self) -> bool:
        """Whether training and evaluation use one data set."""
        return self.request.train_on is None and self.request.train_data is None

    @property
    def mirrored(self) -> bool:
        """Whether the features of the mirrored pictures are extracted, too."""
        return self.request.mirrored or self.post.mirrored

    @property
    def train_on(self) -> str:
        """The name of the data set that is trained on: ``veri776``, or ``veri776+vric`` for several together."""
        return joined_name(self.train_protocols)

    @property
    def splits(self) -> list[str]:
        """The splits whose features the tasks need, sorted."""
        return sorted({name for task in self.tasks for name in (task.query, task.gallery)})

    @property
    def needs(self) -> tuple[frozenset[str], frozenset[str]]:
        """The labels and boxes that the method needs to train and to embed, with these options."""
        return self.held.needs, self.held.test_needs

    @cached_property
    def held(self) -> Held:
        """What the method holds once it is set up with these options."""
        from harness.methods.networks import digest_of, networks_of

        method = create(self.method, self.options, self.request.seed)
        numbers = digest_of(method)
        weighty = any(True for network in networks_of(method).values() for _ in network.parameters())
        stated = Method.input_size.__get__(method)  # "auto" is none that any network has
        return Held(
            needs=method.needs,
            test_needs=method.test_needs,
            numbers=numbers,
            weights=numbers if weighty else None,
            source=str(method.source)[:200],
            trained_on=tuple(method.trained_on),
            files={f"{BESIDE}{word}": file_digest(path) for word, path in sorted(method.read_files.items())},
            modules=tuple(method.modules),
            resizing=str(method.resizing),
            own_size=None if method.input_size == stated else method.input_size,
        )

    @property
    def trained_on(self) -> tuple[str, ...]:
        """The data that the given weights have seen: as the user says, else as the file says."""
        return self.request.trained_on or self.held.trained_on


def plan_run(request: Request, registry: Registry) -> RunPlan:
    """Return the plan of a request. Only a given checkpoint is read.

    Raises:
        UsageError: an unknown method, variant, recipe, option, protocol or task; training sets or their folders that
            do not fit together; an unknown step, or one that is defined for none of the tasks; a checkpoint for a
            method that does not train.
        CheckpointError: the given checkpoint is damaged, or of another method, variant or set of options.
    """
    name, _, variant = request.method.partition("/")
    method = registry.method(name)
    protocol, tasks = registry.tasks(request.protocol)
    training = training_protocols(request.train_on, registry) if request.train_on else (protocol,)
    training_folders(request.train_data, training)
    if len(training) > 1 and request.validate == "test":
        raise UsageError(
            "a training on several data sets has no test split to validate on",
            found="--validate test",
            expected="--validate train, which holds out training vehicles of all of them, or none",
        )
    proposed = joined_recipe(training)
    recipe = request.recipe if request.recipe is not None else proposed * (proposed in method.recipes)
    for word in request.measures:
        registry.measure(word)
    seen = apart(request.trained_on, registry.names(PROTOCOL))
    request = replace(request, trained_on=tuple(_seen(word, registry) for word in seen))
    tuned = None if request.post_from is None else TunedFile.read(request.post_from)
    post = chain_of(request.post, request.rerank, registry, tuned)
    post.refuse_undefined(tasks)
    if request.checkpoint is None:
        options = resolve_options(name, method, variant=variant, recipe=recipe, changes=request.changes)
        named = name_run(name, method, options, recipe)
    else:
        named, recipe, options = _of_checkpoint(request, name, variant, method)
    if request.compute.precision == PROPOSED:
        precision = _proposed_precision(method, recipe, request.compute.device)
        request = replace(request, compute=replace(request.compute, precision=precision))
    return RunPlan(request, registry, name, named, recipe, method, options, protocol, tasks, post, training, tuned)


def _seen(word: str, registry: Registry) -> str:
    """Return the word for data that weights have seen: of a user's own protocol its name, else as ``seen_word``."""
    if word.endswith(OWN_SUFFIX):
        return registry.protocol(word).name
    return seen_word(word, registry.names(PROTOCOL))


def _proposed_precision(method: type[Method], recipe: str, device: str) -> str:
    """Return the precision that a recipe proposes, if the device computes it in hardware, or ``32-true``."""
    proposed = method.precisions.get(recipe, FULL)
    if not proposed.startswith("bf16"):
        return proposed
    from harness.compute.devices import has_bfloat16

    return proposed if has_bfloat16(device) else FULL


def _of_checkpoint(request: Request, name: str, asked: str, method: type[Method]) -> tuple[Naming, str, Options]:
    """Return the name, the recipe and the options of a given checkpoint, after comparing them with the user's.

    An older checkpoint may be named after another variant with the same options.
    """
    path = request.checkpoint
    if path is None or not trains(method):
        raise UsageError(f"method '{name}' does not train", found=path, next_step="leave out --checkpoint")
    given = load_checkpoint(path)[1]
    check_belongs(path, given, given.model_copy(update={"method": name}))
    check_known(path, given, method)
    with same_form(path, f"the method '{name}'"):
        options = method.Options.model_validate(given.options)
    recipe = given.recipe if request.recipe is None else request.recipe
    lost = recipe not in ("", *method.recipes)  # the method had it when the checkpoint was written
    named = Naming(given.variant, given.changes) if lost else name_run(name, method, options, recipe)
    if request.changes or request.recipe is not None:
        variant = asked or named.variant
        wanted = resolve_options(name, method, variant=variant, recipe=recipe, changes=request.changes)
        check_belongs(path, given, given.model_copy(update={"options": portable(wanted)}))
    elif asked not in ("", given.variant):
        wanted = resolve_options(name, method, variant=asked, recipe=recipe)
        expected = given.model_copy(update={"variant": name_run(name, method, wanted, recipe).variant})
        check_belongs(path, given.model_copy(update={"variant": named.variant}), expected)
    return named, recipe, options
