"""What in a user's table is probably meant otherwise than it is written: one sentence each, nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from harness.data.columns import lookalikes
from harness.data.images import NOBODY, ImageTable
from harness.data.values import NAMING, NOTHING
from harness.errors import first_of


def doubts(splits: Mapping[str, ImageTable], unused: Sequence[str] = (), *, decided: bool = False) -> tuple[str, ...]:
    """Return a sentence for each value or column name that probably means something else.

    Args:
        splits: the tables.
        unused: the names of the columns that were not taken for one of ours.
        decided: whether the user says which vehicles nobody is.
    """
    tables = list(splits.values())
    return tuple(
        sentence
        for word in NAMING
        for sentence in (*_unused(word, tables, unused), *(_values(word, tables, decided) if tables else ()))
    )


def _unused(word: str, tables: Sequence[ImageTable], names: Sequence[str]) -> Iterator[str]:
    if all(table.label(word) is None for table in tables):
        for name in lookalikes(names, word)[:1]:
            yield f"the column '{name}' is not used; if it has {word}s, write {word} = \"{name}\" under [columns]"


def _values(word: str, tables: Sequence[ImageTable], decided: bool) -> Iterator[str]:
    """Yield the doubts about one column's values."""
    columns = [column for column in (table.label(word) for table in tables) if column is not None]
    names = {value: text for table in tables for value, text in table.names.get(word, {}).items()}
    if not columns or not names:  # numbers, all written in one way
        return
    values, counts = np.unique(np.concatenate(columns), return_counts=True)
    images = {
        names[value]: count
        for value, count in zip(values.tolist(), counts.tolist(), strict=True)
        if value in names and value < NOBODY
    }
    for text, count in images.items():
        if word == "vehicle" and not decided and text.casefold() in NOTHING:
            yield (
                f"the vehicle of {count} images is '{text}', which counts as one vehicle; if it is unknown, write "
                f'nobody = ["{text}"] in the protocol\'s file, and nobody = [] otherwise'
            )
    pairs = _alike(images)
    if pairs:
        shown = first_of((f"'{one}' and '{other}'" for one, other in pairs), 3)
        yield f"{shown} are different {word}s; a spreadsheet may have removed zeros, or added .0"


def _alike(texts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return the pairs of texts that are the same number."""
    first: dict[str, str] = {}
    pairs = []
    for text in sorted(texts, key=lambda text: (len(text), text)):
        number = re.fullmatch(r"0*([0-9]+?)(?:\.0+)?", text)
        if number is not None and first.setdefault(number[1], text) != text:
            pairs.append((first[number[1]], text))
    return pairs
