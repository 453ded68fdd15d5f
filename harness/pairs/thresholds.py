"""Thresholds and a calibration that another result gives: only those of the same model may be carried over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import RecordError, first_of
from harness.features.reader import FeatureFile
from harness.pairs.result import HELD_OUT, THE_TEST, Curve, Verification, read_result
from harness.scoring.recording import origin_of

ENDING = "same-or-not.json"
"""The end of the name under which a folder is searched for the result that gives thresholds."""

NOT_THE_MODEL = frozenset({"aliases", "boxes", "threads"})
"""Facts of an origin that may differ between features of one model: what it is also called, and what it was given."""


@dataclass(frozen=True, eq=False)
class Given:
    """Thresholds from a result.

    Attributes:
        thresholds: by what each was chosen by.
        chosen_on: the vehicles that they were chosen on, in words.
        curve: of the calibration, or None.
        digest: of the result.
        from_test: whether they were chosen on test vehicles.
        fingerprint: of the question that they are from.
    """

    thresholds: dict[str, float]
    chosen_on: str
    curve: Curve | None
    digest: str
    from_test: bool
    fingerprint: str


def model_of(file: FeatureFile, metric: str) -> dict[str, Any]:
    """Return what must be the same for a threshold to be carried over."""
    about = {"metric": metric, "dtype": file.storage.word, "width": file.shape[1]}
    return {**about, **_model(origin_of(file.provenance))}


def _model(origin: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in origin.items() if name not in NOT_THE_MODEL}


def read_given(path: Path, file: FeatureFile, metric: str) -> Given:
    """Return the thresholds of a result, or of the only one in a folder whose name ends with ``same-or-not.json``.

    Raises:
        RecordError: it cannot be read, belongs to another model or to drawn galleries, or gives no threshold.
    """
    place = _only(path) if path.is_dir() else path
    result = read_result(place)
    own = {"metric": result.metric, "dtype": result.dtype, "width": result.width, **_model(result.origin)}
    wanted = model_of(file, metric)
    odd = [name for name in {**wanted, **own} if wanted.get(name) != own.get(name)]
    if odd:
        raise RecordError(
            "the thresholds are those of another model",
            where=place,
            found=first_of((f"{name} {_shown(own.get(name))}" for name in odd), 4),
            expected=first_of((f"{name} {_shown(wanted.get(name))}, as the features have" for name in odd), 4),
            next_step="choose the thresholds with the same model: 'bench same FEATURES --held-out --out FILE'",
        )
    # Points that were themselves carried over are not chosen here.
    mine = result.points if result.thresholds_from is None else ()
    thresholds = {point.name: point.threshold for point in mine if point.threshold is not None}
    if not thresholds:
        raise RecordError(
            "the file gives no threshold",
            where=place,
            found="thresholds taken from another file" if result.thresholds_from else "none",
            expected="thresholds chosen on one gallery, not on draws",
            next_step="choose them with 'bench same FEATURES --held-out --out FILE'",
        )
    chosen_on = _vehicles(result)
    curve = None if result.calibration is None else result.calibration.curve
    return Given(thresholds, chosen_on, curve, result.digest, result.held_out is None, result.fingerprint)


def chosen_on(given: Given, fingerprint: str) -> str:
    """Return in words on what thresholds were chosen, for a question with that fingerprint."""
    return THE_TEST if given.from_test and given.fingerprint == fingerprint else given.chosen_on


def _vehicles(result: Verification) -> str:
    if result.held_out is None:
        return f"test vehicles of {result.task}"
    return f"{result.held_out.vehicles} {HELD_OUT} of {result.task.partition('/')[0]}"


def _only(folder: Path) -> Path:
    found = sorted(folder.glob(f"*{ENDING}"))
    if len(found) == 1:
        return found[0]
    raise RecordError(
        f"the folder has {'several results' if found else 'no result'} that could give thresholds",
        where=folder,
        found=first_of(path.name for path in found) or "no file",
        expected=f"one file whose name ends with {ENDING}",
        next_step="name the file" if found else "write one with 'bench same FEATURES --held-out --out FILE'",
    )


def _shown(value: object) -> str:
    text = "none" if value in (None, "", {}, [], ()) else str(value)
    return text if len(text) <= 40 else f"{text[:12]}..."
