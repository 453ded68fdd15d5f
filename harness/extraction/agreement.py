"""What several processes compare before they embed the images of one file together."""

from __future__ import annotations

from lightning_fabric import Fabric

from harness.basics.digests import digest
from harness.boxes import digests
from harness.compute.team import team_of
from harness.extraction.subjects import Subjects
from harness.methods.files import portable
from harness.methods.method import Method
from harness.methods.networks import digest_of


def agree_to_embed(method: Method, subjects: Subjects, fabric: Fabric) -> None:
    """Refuse to go on unless all processes embed the same images with the same numbers.

    Raises:
        UsageError: they do not.
    """
    team = team_of(fabric)
    if team.count == 1:
        return
    pictures = subjects.pictures
    team.agree(
        {
            "the method": type(method).__name__,
            "its options": portable(method.options) if hasattr(method, "options") else None,
            "its weights": digest_of(method),
            "the images": digest(list(pictures.keys)),
            "their number": len(pictures),
            "the input size": list(pictures.size),
            "the labels": digest({word: numbers.tolist() for word, numbers in subjects.labels.items()}),
            "the boxes": digests(subjects.boxes),
        }
    )
