"""Rules for the counts of images, vehicles and cameras in a document's text."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.audit.finding import Finding, Severity, listed
from leaderboard.published.library import Library
from leaderboard.published.schema import PrintedCount, Published

SUMS = [("images", "train_images", "test_images"), ("vehicles", "train_vehicles", "test_vehicles")]
"""Counts of a whole, and of the two parts that add up to it."""


def miscounted(library: Library) -> Iterator[Finding]:
    """Find counts of images, vehicles and cameras that differ from the released lists or do not add up."""
    for document in library.documents:
        for count in document.count:
            facts = library.datasets[count.dataset]
            source = "the released lists have" if facts.counted else "the data set's own documents give"
            for word, value in count.counts.items():
                if facts.counts.get(word, value) != value:
                    says = f"{value:,} {word.replace('_', ' ')}; {source} {facts.counts[word]:,}"
                    yield _about("miscounted", document, count, "warning", says)
            for total, *parts in SUMS:
                known = [count.counts.get(part) for part in (total, *parts)]
                if None not in known and known[0] != sum(part for part in known[1:] if part):
                    says = f"{' and '.join(parts)} do not add up to {total}".replace("_", " ")
                    yield _about("miscounted", document, count, "error", says)


def unchecked_count(library: Library) -> Iterator[Finding]:
    """Find counts that nothing confirms: no released list, no sum of the same text, and no other document."""
    for document in library.documents:
        for count in document.count:
            others = [
                other.counts
                for elsewhere in library.documents
                for other in elsewhere.count
                if elsewhere is not document and other.dataset == count.dataset
            ]
            known = {*library.datasets[count.dataset].counts}.union(*others)
            for total in SUMS:
                if all(word in count.counts for word in total):
                    known.update(total)
            alone = [f"{value:,} {word.replace('_', ' ')}" for word, value in count.counts.items() if word not in known]
            if alone:
                yield _about("unchecked-count", document, count, "note", f"nothing here confirms {listed(alone)}")


def _about(rule: str, document: Published, count: PrintedCount, severity: Severity, says: str) -> Finding:
    name = document.document.name
    return Finding(rule, severity, f"{count.dataset}: {says}", (name,), (f"{name}, {count.where}",))
