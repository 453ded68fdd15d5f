"""An answer as tables for a terminal."""

from __future__ import annotations

from harness.pairs.definitions import point_title, title_of
from harness.pairs.result import Verification
from harness.scoring.tables import percent, plain, table

RATES = ("tar", "far", "tnr", "precision", "f1", "fpir", "fnir")
TITLES = {
    "tar": "TAR",
    "far": "FAR",
    "tnr": "TNR",
    "precision": "precision",
    "f1": "F1",
    "fpir": "FPIR",
    "fnir": "FNIR",
}


def answer_tables(answer: Verification) -> str:
    """Return the measures, what each threshold does, the calibration and the notes."""
    draws = f" in {answer.draws} draws" if answer.draws else ""
    pairs = f"{answer.positives:,} pairs of one vehicle and {answer.negatives:,} of different ones{draws}"
    vehicles = "" if answer.held_out is None else f", on {answer.held_out.vehicles} held-out training vehicles"
    parts = [f"{plain(answer.task)}: same vehicle or not{vehicles}\n{plain(answer.method)}, {answer.metric}; {pairs}"]
    measures = {**answer.measures, **(answer.open_set.measures if answer.open_set else {})}
    rows = [
        {"measure": title_of(word), "percent": percent(value.value, value.deviation)}
        for word, value in measures.items()
    ]
    parts.append(table(rows, right=["percent"], shown=plain))
    if answer.open_set is not None:
        left = answer.open_set.left_out
        how = "" if left is None else f"; {percent(left)} % of the vehicles are left out, seed {answer.open_set.seed}"
        known, unknown = answer.open_set.known, answer.open_set.unknown
        parts.append(
            f"Open set: {known:,} queries whose vehicle is in the gallery, {unknown:,} whose vehicle is not{how}."
        )
    if answer.points:
        parts.append(_points(answer))
    if answer.calibration is not None:
        one = answer.calibration
        parts.append(
            f"Expected calibration error {percent(one.error)} % of 1 / (1 + exp(-({one.curve.slope:.4f} s "
            f"{one.curve.offset:+.4f}))), fitted on {plain(one.fitted_on)}."
        )
    notes = [f"- {plain(note)}" for note in answer.notes]
    return "\n\n".join([*parts, *(["\n".join(notes)] if notes else [])])


def _points(answer: Verification) -> str:
    shown = [word for word in RATES if any(getattr(point, word) is not None for point in answer.points)]
    rows = []
    for point in answer.points:
        rates = {TITLES[word]: getattr(point, word) for word in shown}
        rows.append(
            {
                "threshold for": plain(point_title(point.name)),
                "chosen on": plain(point.chosen_on),
                "threshold": "one a draw" if point.threshold is None else f"{point.threshold:.6f}",
                **{title: "" if value is None else f"{100 * value:.4g}" for title, value in rates.items()},
            }
        )
    return table(rows, right=["threshold", *(TITLES[word] for word in shown)], shown=plain)
