"""Chains of steps: from words and records to steps that can be run, in an order that means something."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN
from harness.errors import BenchError, DataError, PluginError, UsageError, unknown_name, wanted
from harness.methods.method import Options
from harness.steps.stated import MOST, Chosen, StatedChain, StepUse, values_of
from harness.steps.step import RankingStep, Step
from harness.tasks.task import Task

Find = Callable[[str], type[Step]]
"""From a name to the class of a step: ``registry.step``."""

MIRRORED = "mirrored"


@dataclass(frozen=True, eq=False)
class Chain:
    """Steps to run in order, the last of which may rank; empty to rank the features as they are.

    Attributes:
        stated: the chain without its code, for records and names.
        steps: the steps.
    """

    stated: StatedChain = field(default_factory=StatedChain)
    steps: tuple[Step, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.steps)

    @classmethod
    def parse(cls, words: Iterable[str], find: Find) -> Chain:
        """Return the chain of words such as ``alpha-qe:k=10,alpha=3``; parameters not named keep their defaults.

        Raises:
            UsageError: a step or a parameter is unknown, a value is out of range, or the order means nothing.
            PluginError: a step is broken.
        """
        return cls.of([split(word) for word in words], find)

    @classmethod
    def of(cls, uses: Sequence[tuple[str, Mapping[str, object]]], find: Find, *, tuned: str = "") -> Chain:
        """Return the chain of names and parameters; see ``parse``.

        Args:
            uses: a name and its parameters for each step.
            find: returns the class of a name.
            tuned: the SHA-256 of the file of ``bench tune`` that they come from; empty if a user gives them. Nothing
                else makes their choice ``held-out``.
        """
        steps = tuple(_step(name, find(name), options) for name, options in uses)
        names = [name for name, _ in uses]
        _refuse_order(names, steps)
        stated = tuple(StepUse.of(name, values_of(step.options)) for name, step in zip(names, steps, strict=True))
        return cls(StatedChain(stated, "held-out" if tuned else _chosen(steps), tuned), steps)

    @property
    def ranking(self) -> RankingStep | None:
        """The last step, if it ranks."""
        last = self.steps[-1] if self.steps else None
        return last if isinstance(last, RankingStep) else None

    @property
    def mirrored(self) -> bool:
        """Whether a step needs the features of the mirrored pictures."""
        return any(MIRRORED in step.needs for step in self.steps)

    def undefined(self, task: Task) -> UsageError | None:
        """Return why a step has no meaning for a task, or None if all have one."""
        for use, step in zip(self.stated.uses, self.steps, strict=True):
            for what, found in (("draws", task.rule.draws), ("mean feature", task.rule.reduce == "mean feature")):
                if found and what in step.undefined:
                    return _undefined(use.step, task, step.undefined)
        return None

    def refuse_undefined(self, tasks: Iterable[Task]) -> None:
        """Raise the UsageError of the first task if the chain has a meaning for none of them."""
        problems = [self.undefined(task) for task in tasks]
        known = [problem for problem in problems if problem is not None]
        if known and len(known) == len(problems):
            raise known[0]

    def problem(self, task: Task, dataset: Dataset) -> BenchError | None:
        """Return why the chain cannot be run on a task of a data set, or None if it can."""
        return self.undefined(task) or self._lacking(task, dataset)

    def _lacking(self, task: Task, dataset: Dataset) -> DataError | None:
        for use, step in zip(self.stated.uses, self.steps, strict=True):
            for need in sorted(step.needs - {MIRRORED}):
                side, _, label = need.rpartition(".")
                for split in (
                    (task.query,) if side == "query" else (task.gallery,) if side else (task.query, task.gallery)
                ):
                    if split in dataset.splits and (problem := _unlabelled(use.step, label, split, dataset)):
                        return problem
        return None


NOTHING = Chain()


def split(word: str) -> tuple[str, dict[str, str]]:
    """Return the name and the parameters in ``alpha-qe:k=10,alpha=3``.

    Raises:
        UsageError: a parameter has no value, or is given twice.
    """
    name, colon, rest = word.strip().partition(":")
    found: dict[str, str] = {}
    for part in rest.split(",") if colon else ():
        option, equals, value = (text.strip() for text in part.partition("="))
        if not equals or not option or not value:
            raise UsageError(
                f"a parameter of step '{name}' has no value",
                found=f"--post {word}",
                expected=f"--post {name}, or --post {name}:name=value,name=value",
            )
        if option in found:
            raise UsageError(f"'{option}' of step '{name}' is set twice", found=f"--post {word}")
        found[option] = value
    return name, found


def _step(name: str, kind: type[Step], options: Mapping[str, object]) -> Step:
    fields = {known.alias or field: known for field, known in kind.Options.model_fields.items()}
    for option in options:
        if option not in fields:
            if not fields:
                raise UsageError(f"step '{name}' has no parameters", found=option, expected=f"--post {name}")
            raise unknown_name(f"parameter of step '{name}'", option, fields)
    try:
        chosen: Options = kind.Options.model_validate(dict(options))
        values_of(chosen)
    except ValidationError as problem:
        first = problem.errors()[0]
        option = str(first["loc"][0]) if first["loc"] else ""
        raise UsageError(
            f"parameter '{option}' of step '{name}' does not fit" if option else f"step '{name}' cannot be used so",
            found=first.get("input") if option else None,
            expected=wanted(first),
        ) from None
    except TypeError as problem:
        raise UsageError(
            f"a parameter of step '{name}' does not fit",
            found=problem,
            expected="a finite number, a word or a truth value",
        ) from None
    try:
        return kind(chosen)
    except BenchError:
        raise
    except Exception as problem:
        raise PluginError(
            f"step '{name}' could not be set up", found=f"{type(problem).__name__}: {problem}"
        ) from problem


def _chosen(steps: Iterable[Step]) -> Chosen:
    """Return how given parameters were chosen: all are the sources', or somebody has looked at the test."""
    return "paper" if all(step.options == type(step).Options() for step in steps) else "test"


def _refuse_order(names: Sequence[str], steps: Sequence[Step]) -> None:
    """Refuse an order that means nothing."""
    found = " then ".join(names)
    if len(steps) > MOST:
        raise UsageError("the chain of steps is too long", found=f"{len(steps)} steps", expected=f"at most {MOST}")
    for place, (name, step) in enumerate(zip(names, steps, strict=True)):
        if isinstance(step, RankingStep) and place < len(steps) - 1:
            after = f"{name} ranks, and leaves no features that {names[place + 1]} could change"
            raise _senseless(after, found, f"{name} last")
        if step.opens and place:
            raise _senseless(f"{name} works on the features as they were extracted", found, f"{name} first")
        if not step.repeats and name in names[:place]:
            raise _senseless(f"{name} a second time changes nothing that it is meant to change", found, f"{name} once")


def _senseless(why: str, found: str, expected: str) -> UsageError:
    return UsageError(f"the order of the steps means nothing: {why}", found=found, expected=expected)


def _undefined(name: str, task: Task, words: Iterable[str]) -> UsageError:
    said = {"draws": "draws", "mean feature": "the mean feature of a track"}
    what = "re-ranking" if name == "rerank" else f"step '{name}'"
    option = "--rerank" if name == "rerank" else f"--post {name}"
    kinds = {"draws": "with fixed lists", "mean feature": "in which tracks are ranked by their nearest image"}
    return UsageError(
        f"{what} is not defined for {' or for '.join(said[word] for word in sorted(words))}",
        where=f"task '{task.name}'",
        expected=f"a task {', '.join(kinds[word] for word in sorted(words))}",
        next_step=f"select such a task with --protocol NAME/TASK, or leave {option} out",
    )


def _unlabelled(name: str, label: str, split: str, dataset: Dataset) -> DataError | None:
    """Return the error for a split in which an image has no camera or track."""
    table = dataset.splits[split]
    column = table.label(label)
    lacking = len(table) if column is None else int((column == UNKNOWN).sum())
    if not lacking:
        return None
    return DataError(
        f"step '{name}' needs the {label} of every image, and the data set does not have it",
        where=dataset.root,
        found=f"{lacking} of {len(table)} images of '{split}' without a {label}",
        next_step=f"leave --post {name} out",
    )
