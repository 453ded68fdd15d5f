"""Distractors: the features of further images, which are added to a gallery and are right for no query."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import FeatureError, first_of
from harness.features.added.joined import JoinedRows
from harness.features.finding import find_features
from harness.features.layout import StoredKeys
from harness.features.provenance import Provenance
from harness.features.reader import FeatureFile, FeatureRows
from harness.features.storage import FLOATS

MODEL = (
    "method", "options", "files", "seed", "code", "train_on", "train_data", "checkpoint", "input_size", "resizing",
    "parameters", "weights", "source",
)  # fmt: skip
"""The facts of a file that say which model made it; the others are about its images or about last digits."""

NOTHING: tuple[object, ...] = (None, "", {})
"""What a fact is that nobody has stated."""

UNNAMED = "given"
"""The method of features that were given in memory, of which nobody has said where they come from."""


@dataclass(frozen=True, eq=False)
class Distractors:
    """Open feature files whose images are added to a gallery.

    Attributes:
        files: at least one.
    """

    files: tuple[FeatureFile, ...]

    def __len__(self) -> int:
        return sum(len(file) for file in self.files)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys of all images, file by file."""
        return tuple(key for file in self.files for key in file.keys)

    @cached_property
    def _stored(self) -> StoredKeys:
        """The keys of all images as one table."""
        if len(self.files) == 1:
            return self.files[0].stored_keys
        return StoredKeys(np.concatenate([file.stored_keys.encoded for file in self.files]))

    @property
    def repeated(self) -> list[str]:
        """The keys that several files have."""
        return [] if len(self.files) == 1 else self._stored.repeated()

    @cached_property
    def images(self) -> str:
        """The SHA-256 of the sorted keys: which images were added, whatever their features and files."""
        hasher = hashlib.sha256()
        for lines in self._stored.sorted_lines():
            hasher.update(lines)
        return hasher.hexdigest()

    @property
    def digests(self) -> tuple[str, ...]:
        """The digest of each file's keys and features, sorted."""
        return tuple(sorted(file.digest for file in self.files))

    @property
    def note(self) -> str:
        """How the gallery differs from the task's own, in words."""
        images = "1 distractor image was" if len(self) == 1 else f"{len(self):,} distractor images were"
        return f"{images} added to the gallery"

    def behind(self, gallery: FeatureRows) -> JoinedRows:
        """Return the features of a gallery and behind them those of the distractors, as one table."""
        return JoinedRows([gallery, *(file.all_rows for file in self.files)])

    def refuse(self, keys: Collection[str], task: str) -> None:
        """Refuse images that the test itself has.

        Args:
            keys: of the queries and of the gallery.
            task: its name.

        Raises:
            FeatureError: an image is one of them.
        """
        own = {key.encode() for key in keys}
        for file in self.files:
            both = [key.decode() for part in file.stored_keys.portions() for key in part.tolist() if key in own]
            if both:
                raise FeatureError(
                    f"distractors are images of the test itself: {len(both):,} keys are queries or gallery of {task}",
                    where=file.path,
                    found=first_of(both, 3),
                    expected="images that no list of the test has, under keys of their own",
                    next_step="extract the distractors from a folder of their own, into a file of their own",
                )


@contextmanager
def open_distractors(paths: Sequence[Path], test: FeatureFile) -> Iterator[Distractors]:
    """Open feature files to be added to a gallery, and check that they can be compared with it.

    Args:
        paths: feature files, or folders with one each; at least one.
        test: the features of the task.

    Raises:
        FeatureError: a file is damaged, is of another width, type or model, or an image is in two files.
    """
    with ExitStack() as held:
        files = tuple(held.enter_context(FeatureFile.open(find_features(path))) for path in paths)
        for file in files:
            _refuse_other_numbers(file, test)
            _refuse_other_model(file, test)
        found = Distractors(files)
        _refuse_twice(found)
        yield found


def is_silent(about: Provenance) -> bool:
    """Say whether features do not tell which model made them, beyond a name."""
    return all(getattr(about, name) in NOTHING for name in MODEL if name != "method")


def _refuse_other_numbers(file: FeatureFile, test: FeatureFile) -> None:
    floats = file.storage.word in FLOATS and test.storage.word in FLOATS
    if file.shape[1] != test.shape[1]:
        found, expected = (f"{one.shape[1]:,} numbers a feature" for one in (file, test))
    elif not floats and file.storage != test.storage:
        found, expected = (_words(one) for one in (file, test))
    else:
        return
    raise FeatureError(
        "distractors cannot be compared with the features of the test",
        where=file.path,
        found=found,
        expected=f"{expected}, as in {test.path}",
        next_step="extract both with the same method and options, and store them alike: 'bench features quantise "
        "FILE --to int8 --scale-of TEST' gives int8 the scale of the test",
    )


def _words(file: FeatureFile) -> str:
    storage = file.storage
    return f"int8 with the scale {storage.scale:g}" if storage.word == "int8" else storage.word


def _refuse_other_model(file: FeatureFile, test: FeatureFile) -> None:
    own, others = test.provenance, file.provenance
    silent = is_silent(own) or is_silent(others)
    for name in MODEL[:1] if silent else MODEL:
        found, expected = getattr(others, name), getattr(own, name)
        if found == expected or (name == "method" and UNNAMED in (found, expected)):
            continue
        word = name.replace("_", " ")
        if isinstance(found, dict) and isinstance(expected, dict):
            word, found, expected = _first_difference(word, found, expected)
        raise FeatureError(
            f"distractors are features of another model: they differ in their {word}",
            where=file.path,
            found=_shown(found),
            expected=f"{_shown(expected)}, as in {test.path}",
            next_step="extract the distractors with the same checkpoint, or the same method, options and seed",
        )


def _first_difference(name: str, found: dict[str, Any], expected: dict[str, Any]) -> tuple[str, Any, Any]:
    word = next(word for word in sorted({*found, *expected}) if found.get(word) != expected.get(word))
    return f"{name.removesuffix('s')} {word}", found.get(word), expected.get(word)


def _shown(value: object) -> object:
    return "nothing" if value in NOTHING else value


def _refuse_twice(found: Distractors) -> None:
    """Refuse an image that is in two files; within a file no key is repeated."""
    twice = found.repeated
    if twice:
        first, second = [file.path for file in found.files if twice[0] in file.keys][:2]
        raise FeatureError(
            f"{len(twice):,} distractors are in two files",
            where=second,
            found=f"{first_of(twice, 3)}, which {first} has too",
            expected="each image once",
            next_step="leave one of the files out, or join them with 'bench features merge'",
        )
