"""Which of a file's arrays are features, keys and labels: by the usual names, or as the user says."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.errors import FeatureError, first_of
from harness.exchange.contents import Array, Contents
from harness.exchange.lists import Column
from harness.exchange.words import CAMERAS, FEATURES, KEYS, ROLES, VEHICLES, WEIGHTS, found, last

Orientation = Literal["", "rows", "columns"]


@dataclass(frozen=True)
class Names:
    """What the user says of a file.

    Attributes:
        features: names of the arrays of features, one a part; empty to go by the usual names.
        keys: names of the lists of keys, one a part; empty likewise.
        orientation: whether an image is a row or a column; empty to go by the numbers of images.
    """

    features: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    orientation: Orientation = ""


@dataclass(frozen=True, eq=False)
class Part:
    """Features of some images, as one file holds them.

    Attributes:
        where: the file, and the array's name.
        features: (n, d) numbers, or (d, n) until ``oriented``.
        role: ``query`` or ``gallery`` if the array's name says so, or empty.
        keys: n names, or None.
        labels: the vehicles and cameras that the file has, n texts each.
        orientation: as the user says.
        decimal: whether the numbers were decimal text.
    """

    where: str
    features: Array
    role: str = ""
    keys: tuple[str, ...] | None = None
    labels: tuple[Column, ...] = ()
    orientation: Orientation = ""
    decimal: bool = False

    def oriented(self, images: int | None = None) -> Part:
        """Return the part with an image a row.

        Args:
            images: how many there are, or None for the number of keys or labels.

        Raises:
            FeatureError: neither rows nor columns are as many.
        """
        array = np.squeeze(self.features, axis=tuple(range(2, self.features.ndim)))
        counts = [("keys", len(self.keys))] if self.keys is not None else []
        counts += [(f"{label}s ('{name}')", len(texts)) for label, name, texts in self.labels]
        expected = images if images is not None else next((count for _, count in counts), None)
        wrong = [one for one in counts if one[1] != expected]
        if wrong:
            word, count = wrong[0]
            raise FeatureError(
                f"the file has {'more' if count > (expected or 0) else 'fewer'} {word} than images"
                if word != "keys"
                else "the number of keys is not that of the images",
                where=self.where,
                found=count,
                expected=expected,
            )
        if not self.orientation and expected == array.shape[0] == array.shape[1]:
            raise FeatureError(
                "the file has as many numbers a feature as images, so that rows and columns cannot be told apart",
                where=self.where,
                found=f"{array.shape[0]} rows and {array.shape[1]} columns",
                next_step="say --images-in rows or --images-in columns",
            )
        turned = self.orientation == "columns" or (
            not self.orientation and expected is not None and expected != len(array) and expected == array.shape[1]
        )
        array = array.T if turned else array
        if expected is not None and len(array) != expected:
            raise FeatureError(
                f"the file has too {'many' if len(array) > expected else 'few'} features",
                where=self.where,
                found=f"{self.features.shape[0]} rows and {self.features.shape[1]} columns",
                expected=f"{expected} images" + (", one for each key or label" if images is None else ""),
                next_step="check that the features are of these images, all of them and no others",
            )
        return replace(self, features=array)


def parts_of(contents: Contents, names: Names) -> list[Part]:
    """Return the parts of a file: its queries and its gallery, or one part for all images.

    Raises:
        FeatureError: no array, or more than one, may be the features; the message lists what there is.
    """
    if not names.features:
        _refuse_weights(contents)
    if names.features:
        chosen = [(_role(name), _named(contents, name, contents.arrays)) for name in names.features]
    else:
        chosen = _by_role(contents) or [("", _single(contents))]
    parts = []
    for number, (role, name) in enumerate(chosen):
        array = contents.arrays[name]
        if array.ndim < 2 or array.size == 0 or array.size != array.shape[0] * array.shape[1]:
            raise FeatureError(
                "the features have no rows and columns",
                where=f"{contents.path}: {name or 'its array'}",
                found=f"shape {array.shape}",
                expected="(n, d): n images of d numbers each",
                next_step="name the array of features with --features-name NAME" if len(contents.arrays) > 1 else None,
            )
        parts.append(
            Part(
                where=f"{contents.path}: {name}" if name else str(contents.path),
                features=array,
                role=role,
                keys=keys_of(contents, role, names.keys[number : number + 1]),
                labels=labels_of(contents, role),
                orientation=names.orientation,
                decimal=contents.decimal,
            )
        )
    return parts


def _refuse_weights(contents: Contents) -> None:
    """Refuse a network's weights: most arrays are named as its layers' parts, and none as features."""
    arrays = list(contents.arrays)
    weights = [name for name in arrays if last(name) in WEIGHTS]
    features = [name for role in ("", *ROLES) for name in found(arrays, role, FEATURES)]
    if len(arrays) > 1 and 2 * len(weights) > len(arrays) and not features:
        raise FeatureError(
            "this looks like the weights of a network, not features",
            where=contents.path,
            found=first_of(weights, 3),
            expected="features: a row of numbers for each image",
            next_step="extract features with these weights: bench run --method torch --set network=... --set "
            f"weights={shlex.quote(str(contents.path))}; docs/your-weights.md shows which method reads which weights",
        )


def _role(name: str) -> str:
    return next((role for role in ROLES if found([name], role, FEATURES)), "")


def _by_role(contents: Contents) -> list[tuple[str, str]]:
    """Return the arrays of queries and gallery, both or only one, by their usual names."""
    found_names = {role: found(contents.arrays, role, FEATURES) for role in ROLES}
    if any(len(names) > 1 for names in found_names.values()):
        raise _undecided(contents, [name for names in found_names.values() for name in names])
    return [(role, names[0]) for role, names in found_names.items() if names]


def _single(contents: Contents) -> str:
    """Return the array of features by its usual name, or the only one of rows and columns: (n, d) or (n, d, 1, 1)."""
    tables = {name: array.shape[:2] for name, array in contents.arrays.items() if _is_table(array)}
    named = found(contents.arrays, "", FEATURES)
    named = named or [name for name, shape in tables.items() if min(shape) > 1]
    named = named or list(tables)
    if len(named) != 1:
        raise _undecided(contents, named)
    return named[0]


def _is_table(array: Array) -> bool:
    return array.ndim >= 2 and all(axis == 1 for axis in array.shape[2:])


def _undecided(contents: Contents, names: Sequence[str]) -> FeatureError:
    cells = [name for name, why in contents.unusable.items() if "cell" in why and not names]
    if cells:
        step = "save the features as a matrix of numbers: cell2mat, or vertcat(x{:})"
    elif any((*contents.arrays, *contents.texts, *contents.unusable)):
        step = "name them with --features-name NAME, or NAME,NAME for queries and gallery"
    else:  # the file's only array has no name, as in a .npy
        step = "save them as an array of numbers with a row for each image: features.reshape(len(features), -1)"
    return FeatureError(
        "the file has several arrays that may be the features" if names else "the file has no array of features",
        where=contents.path,
        found=first_of(names) if names else contents.listed(),
        expected="features, or query_f and gallery_f, or one array of rows and columns",
        next_step=step,
    )


def _named(contents: Contents, name: str, known: object) -> str:
    if isinstance(known, dict) and name in known:
        return name
    raise FeatureError(
        f"the file has no such {'array' if known is contents.arrays else 'list'} '{name}'",
        where=contents.path,
        found=contents.listed(),
        expected="the name of one of them",
    )


def keys_of(
    contents: Contents, role: str, named: Sequence[str] = (), *, naming: str = "name one with --keys-name NAME"
) -> tuple[str, ...] | None:
    """Return the names of a role's rows, if the file has them.

    Args:
        contents: of the file.
        role: ``query``, ``gallery`` or empty.
        named: the list that the user says, if any.
        naming: how the user says which list it is, for messages.

    Raises:
        FeatureError: several lists may be the keys, or the named one is missing.
    """
    if named:
        return contents.texts[_named(contents, named[0], contents.texts)]
    names = found(contents.texts, role, KEYS)
    if len(names) > 1:
        raise FeatureError(
            "the file has several lists that may be the keys",
            where=contents.path,
            found=first_of(names),
            next_step=naming,
        )
    return contents.texts[names[0]] if names else None


def labels_of(contents: Contents, role: str) -> tuple[Column, ...]:
    """Return all arrays and lists that hold vehicles or cameras of a role."""
    columns = []
    for label, words in (("vehicle", VEHICLES), ("camera", CAMERAS)):
        for name in found(contents.arrays, role, words):
            array = contents.arrays[name]
            if array.size == max(array.shape, default=0):
                columns.append(Column(label, name, tuple(_as_text(value) for value in array.ravel().tolist())))
        columns += [Column(label, name, contents.texts[name]) for name in found(contents.texts, role, words)]
    return tuple(columns)


def _as_text(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)
