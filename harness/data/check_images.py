"""Checking the image files of a data set: missing, unlisted and undecodable ones."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.basics.names import folded
from harness.basics.progress import Advance
from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.data.links import LEADS_OUT
from harness.data.pictures import Pictures, oddity, outside
from harness.errors import DataError, first_of

SAMPLE = 256
"""Number of images decoded by default; if 1 % are broken, 92 of 100 samples contain one."""

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
SIZE = (8, 8)
"""Height and width that images are decoded to; the pixels are not used."""


@dataclass(frozen=True)
class ImageCheck:
    """The state of the image files on disk.

    Attributes:
        findings: one sentence for each problem.
        decoded: number of images that were tried.
        complete: whether every listed image exists and every image tried could be decoded.
    """

    findings: tuple[str, ...]
    decoded: int
    complete: bool


def check_images(
    dataset: Dataset, tables: Iterable[ImageTable], *, every: bool = False, progress: Advance | None = None
) -> ImageCheck:
    """Find missing, unlisted and unreadable image files; a sample of the images, or each, is decoded."""
    listed = list(dict.fromkeys(path for table in tables for path in table.paths))
    existing = set(_files(dataset, listed))
    known = {path for table in dataset.splits.values() for path in table.paths}.union(listed)
    present = [path for path in listed if path in existing]
    if not present:
        return ImageCheck(
            ("there are no images: feature files can be evaluated, but features cannot be extracted",), 0, False
        )
    findings = []
    if len(present) < len(listed):
        missing = [path for path in listed if path not in existing]
        findings.append(f"{len(missing)} of {len(listed)} images are missing: {first_of(missing)}")
        findings += _written_otherwise(missing, existing - known)
    extra = sorted(path for path in existing - known if Path(path).suffix.lower() in SUFFIXES)
    if extra:
        findings.append(f"{len(extra)} images are in no list: {first_of(extra)}")
    chosen = present if every else sample(present, SAMPLE)
    pictures = Pictures(dataset.root, chosen, SIZE, dataset.formats, follow_links=dataset.follow_links, cache_bytes=0)
    broken = pictures.check(progress)
    for odd, count in sorted(Counter(_oddities(dataset, chosen)).items()):
        findings.append(f"{count} of {len(chosen)} decoded images are {odd}")
    if broken and all(problem.what == LEADS_OUT for problem in broken.values()):
        found = outside(len(broken), len(chosen), dataset.root, [chosen[row] for row in broken])
        findings.append(f"{found.what}: {found.found}; {found.next_step}")
    elif broken:
        words = first_of(f"{chosen[row]} ({problem.what})" for row, problem in broken.items())
        findings.append(f"{len(broken)} of {len(chosen)} decoded images cannot be read: {words}")
    return ImageCheck(tuple(findings), len(chosen), len(present) == len(listed) and not broken)


def _written_otherwise(missing: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return a finding if images are there under names that only this system takes for others."""
    by_name = {folded(path): path for path in others}
    pairs = [(path, by_name[folded(path)]) for path in missing if folded(path) in by_name]
    if not pairs:
        return []
    words = first_of(f"{path!a} is {there!a}" for path, there in pairs)
    return [
        f"{len(pairs)} of the missing images are there under names that differ only in case or in composed letters, as "
        f"macOS and Windows write them; rename them as the list does: {words}"
    ]


def _oddities(dataset: Dataset, keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        with suppress(DataError):
            yield from filter(None, [oddity(dataset.file(key), dataset.formats)])


def sample(paths: Sequence[str], size: int) -> list[str]:
    """Return the ``size`` paths with the smallest SHA-256: the same sample on every call and machine."""
    return sorted(paths, key=lambda path: hashlib.sha256(path.encode()).digest())[:size]


def _files(dataset: Dataset, listed: Iterable[str]) -> Iterator[str]:
    """Yield the files below all top folders of listed images, relative to the root with forward slashes."""
    root = dataset.root
    tops = dict.fromkeys(path.partition("/")[0] if "/" in path else "" for path in listed)
    for top in tops:
        for folder, inner, files in os.walk(root / top if top else root, followlinks=dataset.follow_links):
            if dataset.follow_links and _in_a_circle(folder):
                inner.clear()
                continue
            if not top:
                inner.clear()
            inside = Path(folder).relative_to(root).as_posix()
            prefix = "" if inside == "." else f"{inside}/"
            yield from (prefix + file for file in files)


def _in_a_circle(folder: str) -> bool:
    """Return whether a folder is reached by a link to one that contains this link."""
    return Path(os.path.realpath(Path(folder).parent)).is_relative_to(os.path.realpath(folder))
