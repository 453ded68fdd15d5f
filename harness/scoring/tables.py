"""Tables of scores: for a terminal, with every name as it is, and for pages as Markdown, with every cell escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import tabulate as _tabulate

from harness.basics.shown import visible
from harness.features.seen import NOTHING
from harness.features.storage import note_of
from harness.measures import heading, in_order

if TYPE_CHECKING:
    from harness.measures.family import Measure
    from harness.scoring.record import Record

# The width of a column must not depend on whether wcwidth is installed.
_tabulate.WIDE_CHARS_MODE = False

SPECIAL = re.compile(r"[\\`*{}\[\]<>|#!~&$]|(?<![^\W_])_|_(?![^\W_])")
"""Characters to escape; an underscore between letters or digits is not emphasis (CommonMark 6.2) and is kept."""

HEADING = "post-processing"

NONE, WITHOUT_THE_TEST, ON_THE_TEST, UNKNOWN = range(4)

GROUPS = ("none", "chosen without the test", "chosen on the test", "unknown")
"""The groups in words, in the order of tables; nobody knows how a finished matrix came about."""


def group_of(record: Record) -> int:
    """Return the number of a record's group.

    Results of different groups are no comparison of methods: the neighbours of a gallery help any method, and
    parameters that were chosen on the test fit its vehicles.
    """
    if record.given:
        return UNKNOWN
    if not record.chain:
        return NONE
    return ON_THE_TEST if record.chain.chosen == "test" else WITHOUT_THE_TEST


def plain(text: object) -> str:
    """Return a text as one line for a terminal.

    Characters that move the cursor or change the writing direction become visible marks.
    """
    return visible(" ".join(str(text).split()), keep="")


def escape(text: object) -> str:
    r"""Return a text as one line of Markdown without markup such as HTML, pipes, emphasis or links; as ``plain``.

    Example:
        >>> print(escape("a|b<i>"))
        a\|b&lt;i&gt;
    """
    return SPECIAL.sub(_escaped, plain(text))


def _escaped(match: re.Match[str]) -> str:
    return {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(match[0], "\\" + match[0])


def percent(value: float, deviation: float | None = None) -> str:
    """Return a fraction in percent with two decimals, followed by its deviation if given.

    Example:
        >>> percent(0.76543, 0.0081)
        '76.54 ± 0.81'
    """
    return f"{100 * value:.2f}" + ("" if deviation is None else f" ± {100 * deviation:.2f}")


def table(
    rows: Sequence[Mapping[str, str]], *, right: Iterable[str] = (), shown: Callable[[object], str] = escape
) -> str:
    """Return rows of finished cells by heading as a table; ``right`` are the right-aligned columns.

    ``shown`` makes the headings: ``escape`` for Markdown, ``plain`` for a terminal.
    """
    headings = list(rows[0]) if rows else []
    flush_right = set(right)
    return _tabulate.tabulate(
        [[row[heading] for heading in headings] for row in rows],
        headers=[shown(heading) for heading in headings],
        tablefmt="pipe",
        disable_numparse=True,
        colalign=["right" if heading in flush_right else "left" for heading in headings],
    )


def scores_table(records: Sequence[Record], further: Sequence[Measure] = ()) -> str:
    """Return the output of ``bench run`` and ``bench eval``: one table per task, so that no column mixes two rules.

    Of the further measures in the records only those in ``further`` are shown.
    """
    parts = []
    for name in dict.fromkeys(record.name for record in records):
        mine = [record for record in records if record.name == name]
        columns = in_order(mine[0].measures, mine[0].ranked_by)
        taken = {"method", HEADING, "queries", *map(heading, columns)}
        added = {
            measure.word: measure.word if measure.name in taken else measure.name
            for measure in sorted(further, key=lambda measure: (measure.family.order, measure.word))
            if measure.word in mine[0].further
        }
        rows = [
            {
                "method": plain(record.method_name),
                **({HEADING: GROUPS[group_of(record)]} if any(one.chain for one in mine) else {}),
                "queries": str(record.queries),
                **{heading(word): percent(record.measures[word], record.deviations.get(word)) for word in columns},
                **{
                    title: percent(record.further[word].value, record.further[word].deviation)
                    for word, title in added.items()
                },
            }
            for record in mine
        ]
        notes = [f"- {plain(note)}" for record in mine for note in remarks(record)]
        right = ["queries", *map(heading, columns), *added.values()]
        parts.append("\n".join([f"{plain(name)}\n", table(rows, right=right, shown=plain), *dict.fromkeys(notes)]))
    return "\n\n".join(parts)


NOT_SAID = "not said"


def weights_data(record: Record) -> str:
    """Return what the given weights of a record have seen: ``veri776 (this data set)``; empty if none were given.

    Given are those of a file, those that a method brought along, and those of which somebody says what they have seen.

    Weights that were trained on the evaluated data set, or on more, answer another question than those of other data.
    """
    if not record.trained_on:
        return NOT_SAID if (record.files or record.weights) and record.train_on is None else ""
    if record.trained_on == (NOTHING,):
        return NOTHING
    others = [name for name in record.trained_on if name != record.protocol]
    if len(others) == len(record.trained_on):
        mark = "other data"
    else:
        mark = "this data set and more" if others else "this data set"
    return f"{', '.join(record.trained_on)} ({mark})"


def remarks(record: Record) -> list[str]:
    """Return one sentence for each fact that a reader of the record's scores must know."""
    notes = [record.chain.remark] if record.chain else []
    if record.given:
        notes.append(f"Ranked by {record.metric}, a finished matrix; nobody can rank its features again.")
    elif note_of(record.dtype, record.width):
        notes.append(note_of(record.dtype, record.width))
    if record.convention is not None:
        notes.append(f"By another rule than the task's own: {record.convention}.")
    if seen := weights_data(record):
        how = " (say it with --trained-on)" if seen == NOT_SAID else ""
        notes.append(f"Given weights; the data that they were trained on: {seen}{how}.")
    if not record.official:
        reason = "; ".join(record.differences) or "the data set is not the released one"
        notes.append(f"Not official: {reason}.")
    if record.ignored_queries:
        notes.append(f"{record.ignored_queries} of {record.queries} queries have no positive; all means exclude them.")
    if record.ties:
        notes.append(f"{record.ties} pairs of a positive and a negative tie; the positive is ranked behind.")
    if record.draws:
        notes.append(f"Mean and standard deviation of {record.draws} draws.")
    return notes
