"""How much of a copy's content is known to be the released one, beyond the counts that make a result official."""

from __future__ import annotations

from harness.data.dataset import Dataset
from harness.tasks.counts import counts
from harness.tasks.fingerprint import fingerprint
from harness.tasks.protocol import Protocol
from harness.tasks.task import Task

UNKNOWN_CONTENT = "counts fit, content is none that is known"
"""What is said of a copy that differs from all copies known; labels exchanged within the counts are not noticed."""


def known_content(protocol: Protocol, task: Task, dataset: Dataset) -> str:
    """Return what is known of the content of an official task's lists; empty if its fingerprint is a known one.

    Labels can be exchanged, and vehicles numbered anew, without a change of any count. Only a fingerprint tells such
    lists from the released ones; counts of pairs notice most of them.
    """
    known = {copy.fingerprint for copy in task.copies} - {""}
    if known and fingerprint(protocol, task, dataset) in known:
        return ""
    counted = [copy for copy in task.copies if copy.counts]
    found = counts(task, dataset) if counted else {}
    for copy in counted:
        if all(found.get(word) == count for word, count in copy.counts.items()):
            words = " and ".join(copy.counts)
            return f"counts fit, {words} too are those of {copy.name}; no digest of the lists is known"
    return UNKNOWN_CONTENT
