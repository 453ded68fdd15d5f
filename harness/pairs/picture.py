"""The reliability picture of a calibration: how often two images show one vehicle, against the stated probability."""

from __future__ import annotations

from pathlib import Path

from harness.basics.files import replace_file
from harness.errors import UsageError
from harness.pairs.result import Verification

FORMATS = ("svg", "png", "pdf")


def check_format(path: Path) -> str:
    """Return the format of a picture by the ending of its name.

    Raises:
        UsageError: it is none that can be drawn.
    """
    ending = path.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise UsageError(
            "a picture cannot be drawn in this format",
            found=path.name,
            expected=f"a name ending with .{', .'.join(FORMATS)}",
        )
    return ending


def draw_reliability(answer: Verification, path: Path) -> None:
    """Draw the reliability picture of an answer; the same answer gives the same SVG.

    Raises:
        UsageError: the answer has no calibration.
        RunError: the file cannot be written.
    """
    import matplotlib
    from matplotlib.figure import Figure

    one = answer.calibration
    if one is None:
        raise UsageError(
            "the answer has no calibration to draw",
            found=f"thresholds {'chosen on the test' if answer.held_out is None else 'of held-out vehicles'}, "
            f"metric {answer.metric}",
            expected="cosine features, and held-out vehicles that a curve is fitted on",
            next_step="use --held-out, or a result of it with --threshold-from, without --no-areas",
        )
    kind = check_format(path)
    with matplotlib.rc_context({"svg.hashsalt": "reliability"}):
        figure = Figure(figsize=(5, 6), layout="constrained")
        curve, weight = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        places = [own.probability for own in one.bins]
        curve.plot([0, 1], [0, 1], color="lightgray", zorder=0)
        curve.plot(places, [own.same for own in one.bins], marker="o", color="tab:blue")
        curve.set_ylabel("share of pairs of one vehicle")
        curve.set_title(f"expected calibration error {100 * one.error:.2f} %", fontsize="medium")
        weight.bar(places, [own.weight for own in one.bins], width=0.04, color="tab:gray")
        weight.set_ylabel("weight")
        weight.set_xlabel("stated probability of one vehicle")
        weight.set_xlim(0, 1)
        with replace_file(path, "wb") as file:
            figure.savefig(
                file, format=kind, metadata={} if kind == "png" else {"Date" if kind == "svg" else "CreationDate": None}
            )
