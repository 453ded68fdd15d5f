"""Results that models on the Hugging Face Hub report of the harness's tasks, as published rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import RecordError
from leaderboard.filing import slug
from leaderboard.pages.huggingface import AT, RESULTS, HubResult, read_results
from leaderboard.pages.paper_differences import QUANTITIES
from leaderboard.published.library import Library
from leaderboard.published.schema import (
    NOT_STATED,
    NUMBER,
    DatasetFacts,
    Document,
    PrintedColumn,
    PrintedRow,
    PrintedTable,
    Published,
)

TABLE = "of reported results"
"""What a page prints after the word "table"."""


def with_reported(library: Library, folder: Path | None) -> Library:
    """Return the library with the results in a folder of copies of models; without a folder, the library itself.

    A model is called as its folder is. Results of other benchmarks, and measures that no paper prints, are passed over.

    Raises:
        RecordError: the folder or a file in it cannot be read, or a file lies outside the folder.
    """
    if folder is None:
        return library
    if not folder.is_dir():
        raise RecordError("the folder of reported results is missing", where=folder)
    paths = [path for path in sorted(folder.rglob(f"{RESULTS}/*.yaml")) if _inside(path, folder)]
    found = [_document(path, library.datasets) for path in paths]
    taken = {document.document.name for document in library.documents}
    return replace(library, documents=(*library.documents, *_once(taken, [one for one in found if one is not None])))


def _inside(path: Path, folder: Path) -> bool:
    if not path.resolve().is_relative_to(folder.resolve()):
        raise RecordError("the file leads out of the folder", where=path, next_step="copy its target into the folder")
    return True


def _once(taken: set[str], documents: Sequence[Published]) -> Iterator[Published]:
    """Yield the documents, with a number after a name that is taken."""
    for one in documents:
        name, number = one.document.name, 1
        while name in taken:
            number += 1
            name = f"{one.document.name}-{number}"
        taken.add(name)
        yield one.model_copy(update={"document": one.document.model_copy(update={"name": name})})


def _document(path: Path, datasets: Mapping[str, DatasetFacts]) -> Published | None:
    """Return a file's results of the harness's tasks as a document of one row; None if it has none."""
    results = read_results(path)
    known = [(column, result) for result in results if (column := _column(result, datasets)) is not None]
    if not known:
        return None
    columns, own = zip(*known, strict=True)
    if len(set(columns)) < len(columns):
        raise RecordError("a result is reported twice", where=path, next_step="keep one file for each setting")
    for result in own:
        if not NUMBER.fullmatch(f"{result.value:f}") or result.value > 100:
            raise RecordError("a result is no percentage", where=path, found=result.value, expected="0 to 100")
    model = path.parent.parent.resolve().name.encode(errors="replace").decode()
    row = PrintedRow(
        printed=model,
        method=model,
        own=True,
        values=tuple(f"{result.value:f}" for result in own),
        note="; ".join(dict.fromkeys(note for result in own for note in _notes(result))),
    )
    table = PrintedTable(number=TABLE, about="results of a model", scale="percent", columns=columns, rows=(row,))
    about = Document(name=slug(model), title=f"Results of {model}", authors="not stated", method=model)
    return Published(document=about, table=(table,))


def _notes(result: HubResult) -> Iterator[str]:
    yield "reported by others"
    if result.notes:
        yield result.notes
    if result.source:
        yield f"source {result.source.url}"


def _column(result: HubResult, datasets: Mapping[str, DatasetFacts]) -> PrintedColumn | None:
    """Return the column of a result; None if it is of another benchmark or of another measure than papers print."""
    dataset = result.dataset.id.rpartition("/")[2]
    task, _, word = result.dataset.task_id.rpartition("/")
    measure = QUANTITIES.get(word.replace(AT, "@"))
    if dataset not in datasets or measure is None:
        return None
    for rule, template in datasets[dataset].tasks.items():
        for subset in datasets[dataset].subsets:
            if subset != NOT_STATED and template.format(subset=subset) == f"{dataset}/{task}":
                return PrintedColumn(dataset=dataset, subset=subset, task=rule, measure=measure, printed=word)
    return None
