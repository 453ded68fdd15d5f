"""The images that a table or list names, found below a folder: by path, by name, or without their ending."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.data.columns import split_word
from harness.data.lists import forward


@dataclass(frozen=True)
class Resolved:
    """The images that some texts name.

    Attributes:
        key_of: the key of each text that names one image.
        lost: the texts that name none.
        prefix: the folder that stands before all texts as they are written, or None if there is no such folder.
        padded: the number of texts that only an image with more zeros at the front fits.
    """

    key_of: Mapping[str, str]
    lost: tuple[str, ...]
    prefix: str | None
    padded: int = 0


def resolve(texts: Iterable[str], keys: Sequence[str], split: str = "") -> Resolved:
    """Find the images that texts name.

    Several images may have one name. Of the folders that they are in, the one with most of the texts is taken, and of
    two like these the one of the split.
    """
    wanted = list(dict.fromkeys(texts))
    by_name: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        name = key.rpartition("/")[2]
        by_name[name].append(key)
        by_name[name.rpartition(".")[0]].append(key)
    candidates = {text: _candidates(text, by_name) for text in wanted}
    padded = _padded(candidates, keys)
    candidates.update(padded)
    folders = Counter(folder for found in candidates.values() for folder in {folder for folder, _ in found})
    rank = {folder: (-count, not _of_split(folder, split), folder) for folder, count in folders.items()}
    chosen = {text: min(found, key=lambda one: rank[one[0]]) for text, found in candidates.items() if found}
    before = {folder for folder, _ in chosen.values()}
    same = all(key == folder + text for text, (folder, key) in chosen.items())
    prefix = before.pop() if len(before) == 1 and same and len(chosen) == len(wanted) else None
    lost = tuple(text for text in wanted if text not in chosen)
    return Resolved({text: key for text, (_, key) in chosen.items()}, lost, prefix, len(padded))


def _candidates(text: str, by_name: Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """Return the images that a text may name, each with the folder before the part that the text names.

    Of an absolute path, or one from another machine, as many folders as possible must agree.
    """
    written = forward(text)
    found = by_name.get(written.rpartition("/")[2], [])
    parts = written.split("/")
    for start in range(len(parts)):
        tail = "/".join(parts[start:])
        agreeing = [key for key in found if _ends_with(key, tail)]
        if agreeing:
            return [(_folder(key, tail.count("/") + 1), key) for key in agreeing]
    return []


def _folder(key: str, parts: int) -> str:
    """Return a path without its last parts, empty or with a slash at its end."""
    folders = key.split("/")[:-parts]
    return "".join(f"{folder}/" for folder in folders)


def _ends_with(key: str, tail: str) -> bool:
    whole, stem = f"/{key}", f"/{key.rpartition('.')[0]}"
    return whole.endswith(f"/{tail}") or stem.endswith(f"/{tail}")


def _padded(candidates: Mapping[str, list[tuple[str, str]]], keys: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Return, for numbers that name no image, the one image whose name is the number with zeros before it."""
    lost = [text for text, found in candidates.items() if not found and text.partition(".")[0].isdecimal()]
    if not lost:
        return {}
    by_number: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        stem = key.rpartition("/")[2].rpartition(".")[0]
        if stem.isdecimal():
            by_number[stem.lstrip("0")].append(key)
    found = {text: by_number.get(text.partition(".")[0].lstrip("0"), []) for text in lost}
    return {text: [(_folder(one[0], 1), one[0])] for text, one in found.items() if len(one) == 1}


def _of_split(folder: str, split: str) -> bool:
    return bool(split) and split in {split_word(part) for part in folder.split("/")}
