"""The measures in words: their name, formula and source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """What a measure is.

    Attributes:
        word: as in results, without its rate: ``tar@far``.
        title: in tables, with ``{rate}`` in place of its rate in percent.
        about: one sentence.
        formula: the same in letters; see docs/same-or-not.md for these.
        source: where the definition is from.
        errors: whether less is better.
    """

    word: str
    title: str
    about: str
    formula: str
    source: str
    errors: bool = False


ISO = "ISO/IEC 19795-1:2021"
NIST = "Grother, Ngan and Hanaoka, NISTIR 8271 (2019)"

DEFINITIONS = (
    Definition(
        "tar@far",
        "TAR at FAR {rate} %",
        "The most pairs of one vehicle that a threshold accepts which accepts at most this share of all others.",
        "max a(t) / P over the t with b(t) <= f N",
        f"1 minus the false non-match rate at a false match rate of {ISO}",
    ),
    Definition(
        "eer",
        "EER",
        "The error rate where as large a share of one kind of pairs is accepted by mistake as of the other is refused.",
        "x where the joined points (b(t) / N, 1 - a(t) / P) meet the line (x, x)",
        f"{ISO}; joined by straight lines as in Fawcett, Pattern Recognition Letters 2006",
        errors=True,
    ),
    Definition(
        "roc-auc",
        "area under ROC",
        "How often a pair of one vehicle is more similar than a pair of two; a tie counts one half.",
        "(pairs of a positive s and a negative r with s > r, plus half of those with s = r) / (P N)",
        "Hanley and McNeil, Radiology 1982",
    ),
    Definition(
        "pr-auc",
        "area under precision-recall",
        "Average precision over the pool of all pairs, without interpolation.",
        "sum over the t, falling, of (a(t) - a(t')) / P * a(t) / (a(t) + b(t)), with t' the threshold before",
        "scikit-learn, average_precision_score; Davis and Goadrich, ICML 2006, on why not to interpolate",
    ),
    Definition(
        "f1",
        "best F1",
        "The greatest harmonic mean of precision and recall of all thresholds.",
        "max 2 a(t) / (P + a(t) + b(t))",
        "van Rijsbergen, Information Retrieval 1979",
    ),
    Definition(
        "fnir@fpir",
        "FNIR at FPIR {rate} %",
        "The least share of known queries that miss their vehicle, with thresholds at which at most this share of the "
        "unknown queries finds somebody.",
        "min FNIR(t) over the t with FPIR(t) <= f",
        f"{NIST}, at rank 1; {ISO}",
        errors=True,
    ),
)


def title_of(word: str) -> str:
    """Return the title of a measure with its rate.

    Example:
        >>> title_of("tar@far=0.001"), title_of("eer")
        ('TAR at FAR 0.1 %', 'EER')
    """
    name, _, rate = word.partition("=")
    (found,) = (one for one in DEFINITIONS if one.word == name)
    return found.title.format(rate=f"{100 * float(rate):.10g}") if rate else found.title


def point_title(word: str) -> str:
    """Return in words what a threshold was chosen by.

    Example:
        >>> point_title("far=0.001"), point_title("f1")
        ('FAR 0.1 %', 'best F1')
    """
    name, _, rate = word.partition("=")
    return f"{name.upper()} {100 * float(rate):.10g} %" if rate else title_of(word)
