"""The Hugging Face form of evaluation results, written and read.

A benchmark's data set states its tasks in ``eval.yaml``, a model its results in ``.eval_results/*.yaml``. The form is
described on https://huggingface.co/docs/hub/eval-results. A task there has one value; a task here has one there for
each measure: ``image-to-track/hit-at-1``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from harness.basics.digests import digest
from harness.basics.reading import read_whole
from harness.errors import RecordError, UsageError, in_one_line, wanted
from harness.measures import heading
from harness.scoring.tables import plain
from leaderboard.boards import Board, BoardRow
from leaderboard.filing import address, slug
from leaderboard.grouping import grouped
from leaderboard.pages.columns import elsewhere

T = TypeVar("T")

OWNER = "vehicle-reid-bench"
"""The owner of the data sets, unless another one is named."""
FRAMEWORK = "vehicle-reid-bench"
RESULTS = ".eval_results"
MAX_BYTES = 1 << 16
MAX_DEPTH = 16
AT = "-at-"
"""What stands for the @ of a measure in the name of a task."""


def _typeset(text: str) -> str:
    text.encode()  # half a surrogate pair, which YAML can spell, has no UTF-8
    return text


LONGEST = 4000
"""The longest text, in characters."""
Text = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_typeset)]
Name = Annotated[Text, Field(max_length=200)]
Number = Annotated[Decimal, Field(max_digits=18, decimal_places=12, allow_inf_nan=False)]


class _HubModel(BaseModel):
    """A part of a file; fields that are not listed, as the form may grow, are ignored."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class HubTask(_HubModel):
    """The place of a result: a data set ``owner/name``, its task, and the commit of the data set."""

    id: Annotated[Name, Field(pattern=r"^[\w.-]+(/[\w.-]+)?$")]
    task_id: Name
    revision: Name | None = None


class HubSource(_HubModel):
    """Where a result comes from."""

    url: Annotated[Text, Field(pattern=r"^https?://\S+$")]
    name: Name | None = None
    user: Name | None = None
    org: Name | None = None


class HubResult(_HubModel):
    """One result of a model.

    Attributes:
        value: with the digits that were written.
        date: of the evaluation, as written.
    """

    dataset: HubTask
    value: Number
    verify_token: Annotated[Text | None, Field(alias="verifyToken")] = None
    date: Name | None = None
    source: HubSource | None = None
    notes: Text | None = None


class BenchmarkTask(_HubModel):
    """A task of a benchmark; config and split are those of its data set."""

    id: Name
    config: Name | None = None
    split: Name | None = None


class Benchmark(_HubModel):
    """The content of an ``eval.yaml``."""

    name: Name
    description: Text
    evaluation_framework: Name
    tasks: Annotated[tuple[BenchmarkTask, ...], Field(min_length=1)]


class _Writer(yaml.SafeDumper):
    """Writes numbers with the digits that they have."""


def _number(writer: yaml.SafeDumper, number: Decimal) -> yaml.ScalarNode:
    text = f"{number:f}"
    return writer.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


_Writer.add_representer(Decimal, _number)


class _Reader(yaml.BaseLoader):
    """Reads texts, lists and mappings, and makes nothing else of any of them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping whose keys occur once."""
        found = super().construct_mapping(node, deep=deep)
        if len(found) != len(node.value):
            raise yaml.MarkedYAMLError(problem="a name occurs twice in one mapping", problem_mark=node.start_mark)
        return found


def results_text(results: Sequence[HubResult]) -> str:
    """Return the content of a file in ``.eval_results``."""
    return _written([result.model_dump(by_alias=True, exclude_none=True) for result in results])


def benchmark_text(benchmark: Benchmark) -> str:
    """Return the content of an ``eval.yaml``."""
    content = benchmark.model_dump(exclude_none=True)
    return _written({**content, "tasks": list(content["tasks"])})


def _written(content: object) -> str:
    """Return YAML in ASCII: PyYAML would write U+0085 as it is and read it as a line break."""
    return yaml.dump(content, Dumper=_Writer, sort_keys=False, width=100)


def read_results(path: Path) -> tuple[HubResult, ...]:
    """Return the results in a file of ``.eval_results``.

    Raises:
        RecordError: the file cannot be read, is not plain YAML, or has another form.
    """
    return _read(path, TypeAdapter(tuple[HubResult, ...]))


def read_benchmark(path: Path) -> Benchmark:
    """Return the benchmark that an ``eval.yaml`` defines.

    Raises:
        RecordError: the file cannot be read, is not plain YAML, or has another form.
    """
    return _read(path, TypeAdapter(Benchmark))


def _read(path: Path, adapter: TypeAdapter[T]) -> T:
    content = _parsed(path)
    try:
        return adapter.validate_python(content)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise RecordError(
            "the file has not the form of evaluation results on the Hugging Face Hub",
            where=f"{path}: {'.'.join(str(part) for part in first['loc'])}",
            found=repr(first.get("input"))[:200],
            expected=wanted(first),
        ) from None


def _parsed(path: Path) -> object:
    """Return the content of a small YAML file without tags and references, every number as text."""
    try:
        text = read_whole(path, MAX_BYTES, "the file of results", error=RecordError).decode()
        _refuse_what_is_not_plain(text)
        return yaml.load(text, Loader=_Reader)  # noqa: S506 - it makes texts, lists and mappings only
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        raise RecordError(
            "the file is not plain YAML",
            where=path if mark is None else f"{path}, line {mark.line + 1}",
            found=getattr(problem, "problem", None) or "characters that YAML does not allow",
        ) from None
    except (ValueError, RecursionError) as problem:  # UnicodeDecodeError is a ValueError
        found = in_one_line(problem)
        raise RecordError("the file cannot be read as evaluation results", where=path, found=found) from None


def _refuse_what_is_not_plain(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Reader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise ValueError(f"line {line} has a tag, an anchor or a reference")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f"line {line} has more than {MAX_DEPTH} levels")


def hub_files(boards: Sequence[Board], owner: str = OWNER) -> Mapping[PurePosixPath, bytes]:
    """Return the files for the Hub: ``datasets/NAME/eval.yaml`` and ``models/NAME/.eval_results/TASK.yaml``.

    They hold official results only, since a leaderboard there cannot tell others apart. A row is one model, and its
    value the mean over its runs, in percent.

    Raises:
        UsageError: no result is official, or the owner cannot be one.
    """
    official = [board for board in boards if board.official]
    if not official:
        raise UsageError(
            "there is no official result, and leaderboards on the Hugging Face Hub hold no others",
            next_step="choose other tasks or records",
        )
    texts = {
        PurePosixPath("datasets") / slug(protocol) / "eval.yaml": benchmark_text(_benchmark(protocol, found))
        for protocol, found in grouped(official, _protocol).items()
    }
    for board in official:
        for row in board.rows:
            folder = PurePosixPath("models") / _model(row) / RESULTS
            path = folder / f"{address(board.task)}.yaml"
            if path in texts:  # the same options under another code, or under another version of the task
                path = folder / f"{address(board.task)}-{row.record.run[:8]}.yaml"
            texts[path] = results_text(_results(board, row, owner, first=_first(board, official)))
    return {path: text.encode() for path, text in texts.items()}


def _protocol(board: Board) -> str:
    return board.task.partition("/")[0]


def _first(board: Board, boards: Sequence[Board]) -> bool:
    """Return whether a board is the newest of its task."""
    return next(one for one in boards if one.task == board.task) is board


def task_id(board: Board, measure: str, *, first: bool) -> str:
    """Return the name of a task on the Hub; an older version of a task has a part of its fingerprint in it."""
    task = board.task.partition("/")[2]
    return f"{task if first else f'{task}-{board.fingerprint[:8]}'}/{measure.replace('@', AT)}"


def _benchmark(protocol: str, boards: Sequence[Board]) -> Benchmark:
    tasks, says = [], []
    for board in boards:
        ids = {measure: task_id(board, measure, first=_first(board, boards)) for measure in board.measures}
        tasks += [BenchmarkTask(id=name) for name in ids.values()]
        named = ", ".join(f"{name} is {heading(measure)}" for measure, name in ids.items())
        says.append(f"{board.task} (fingerprint {board.fingerprint[:16]}): {named}.")
    description = f"Vehicle re-identification by the rules of vehicle-reid-bench; values in percent. {' '.join(says)}"
    return Benchmark(
        name=f"{protocol}: vehicle re-identification",
        description=description if len(description) <= LONGEST else f"{description[: LONGEST - 3]}...",
        evaluation_framework=FRAMEWORK,
        tasks=tuple(tasks),
    )


def _model(row: BoardRow) -> str:
    """Return the name of a row's model, the same for all its tasks."""
    record = row.record
    seeds = [one.seed for one in row.records]
    own = digest([record.method_name, record.recipe, record.options, record.train_on, record.input_size, seeds])
    return f"{slug(record.method_name)}-{own[:8]}"


def _results(board: Board, row: BoardRow, owner: str, *, first: bool) -> list[HubResult]:
    try:
        return [
            HubResult(
                dataset=HubTask(id=f"{owner}/{slug(_protocol(board))}", task_id=task_id(board, measure, first=first)),
                value=Decimal(f"{100 * row.values[measure].mean:.2f}"),
                notes=_notes(board, row, measure),
            )
            for measure in board.measures
        ]
    except ValidationError:
        raise UsageError(
            "this cannot be an owner on the Hugging Face Hub",
            found=owner,
            expected="letters, digits, hyphens, underscores and dots",
        ) from None


def _notes(board: Board, row: BoardRow, measure: str) -> str:
    record, interval = row.record, row.values[measure].interval
    seeds = Counter(one.seed for one in row.records)
    notes = [
        plain(record.method_name),
        f"recipe {record.recipe}" if record.recipe else "",
        "a control, no method" if record.control else "",
        f"mean of {len(row.records)} runs with {len(seeds)} seeds" if len(row.records) > 1 else "one run",
        f"95 % interval {100 * interval.low:.2f} to {100 * interval.high:.2f}" if interval else "",
        f"input {'x'.join(map(str, record.input_size))}" if record.input_size else "",
        f"trained on {elsewhere(record)}" if elsewhere(record) else "",
        f"fingerprint {board.fingerprint[:16]}",
    ]
    return "; ".join(note for note in notes if note)
