"""The words that tables in this field use for their columns and splits, and which of ours each stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": (
        "path", "imagepath", "imgpath", "filepath", "file", "filename", "image", "img", "imagename", "imgname", "name",
        "imageid", "imgid", "picture",
    ),
    "vehicle": (
        "vehicle", "vehicleid", "vehid", "vid", "carid", "car", "plate", "licenseplate", "licenceplate", "identity",
        "pid", "personid", "objectid", "label", "class", "id",
    ),
    "split": ("split", "set", "subset", "partition", "usage", "phase"),
    "camera": ("camera", "cameraid", "cam", "camid", "camname"),
    "track": ("track", "trackid", "tracklet", "trackletid", "tid"),
    "time": ("time", "timestamp", "datetime"),
    "colour": ("colour", "color", "colourid", "colorid"),
    "type": ("type", "typeid", "vehicletype", "cartype", "category"),
    "model": ("model", "modelid", "vehiclemodel", "carmodel"),
}  # fmt: skip
"""For each of our columns the usual names, the most certain first, in lower case and without punctuation."""

SPLITS: Mapping[str, str] = {
    **dict.fromkeys(("train", "training", "trainset"), "train"),
    **dict.fromkeys(("query", "queries", "probe", "probes"), "query"),
    "gallery": "gallery",
    **dict.fromkeys(("test", "testing", "testset"), "test"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
}
"""Usual names of splits, in lower case, and our word for each."""

ASIDE = {"image", "images", "img", "imgs", "pictures", "bounding", "box", "crops", "cropped", "set", "data", "list"}
"""Words beside that of a split in the names of folders and lists: ``image_train``, ``bounding_box_test``."""


def plain(name: str) -> str:
    """Return the letters and digits of a column's name in lower case."""
    return "".join(filter(str.isalnum, name.casefold()))


def lookalikes(header: Sequence[str], word: str) -> list[str]:
    """Return the names in a table's first line that usually stand for one of our columns, the most certain first."""
    usual = COLUMNS[word]
    return sorted((name for name in header if plain(name) in usual), key=lambda name: usual.index(plain(name)))


def known_columns(header: Sequence[str]) -> int:
    """Return how many of our columns a first line seems to name."""
    return sum(bool(lookalikes(header, word)) for word in COLUMNS)


def split_word(name: str) -> str:
    """Return our word for a split, a folder or a list of this name, or an empty text.

    Example:
        >>> split_word("bounding_box_test")
        'test'
    """
    words = [word for word in re.split(r"[\W_]+", name.casefold()) if word and word not in ASIDE]
    return SPLITS.get(words[0], "") if len(words) == 1 else ""
