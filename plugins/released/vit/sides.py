"""Embeddings of an image's camera and view (side information, He et al., ICCV 2021, section 3.3)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from harness.data.images import UNKNOWN, IntArray
from harness.data.lists import Problems, quote, read_lines
from harness.errors import CheckpointError, DataError, UsageError

log = logging.getLogger("bench")

VERI = (20, 8)
"""The cameras of VeRi-776 and the views of its key points, in whose table both codes' releases have 160 rows."""

VIEW = re.compile(r"-1|[0-9]{1,9}")

WITHOUT = "sie=none"
"""The option that leaves the embeddings out."""


@dataclass(frozen=True)
class Sides:
    """What the rows of a table of embeddings stand for: row ``camera x views + view``, counted from 0.

    Attributes:
        cameras: the number of cameras; 1 if the rows stand for views alone.
        views: the number of views; 1 if the rows stand for cameras alone.
        first_camera: the data set's number of the camera that has the first rows.
        first_view: the number of the view that has the first row of a camera.
    """

    cameras: int
    views: int
    first_camera: int = 1
    first_view: int = 0

    @property
    def needs(self) -> frozenset[str]:
        """The labels that find a row."""
        return frozenset(word for word, count in (("camera", self.cameras), ("view", self.views)) if count > 1)

    def embedding(self, table: Tensor, camera: Tensor | None, view: Tensor | None) -> Tensor:
        """Return the embedding of each image, (n, 1, d).

        An image without a view gets the mean of its camera's embeddings: the released codes leave such images out.

        Args:
            table: (cameras x views, ..., d).
            camera: (n,) int64 numbers of the data set, or None if the rows stand for views alone.
            view: (n,) int64, ``UNKNOWN`` if it is not known; None if it is known of no image.
        """
        rows = table.reshape(self.cameras, self.views, -1)
        rows = torch.cat([rows, rows.mean(dim=1, keepdim=True)], dim=1)
        given = camera if camera is not None else view
        if given is None:
            raise UsageError("an embedding is found by a camera or by a view")
        first = torch.zeros_like(given) if camera is None else camera - self.first_camera
        if view is None:
            second = torch.full_like(given, self.views)
        else:
            second = torch.where(view == UNKNOWN, self.views, view - self.first_view)
        return rows[first, second].unsqueeze(1)

    def check(self, labels: Mapping[str, IntArray]) -> None:
        """Refuse cameras and views that have no row.

        Raises:
            DataError: there are some; the message names the first.
        """
        for word, count, first in (
            ("camera", self.cameras, self.first_camera),
            ("view", self.views, self.first_view),
        ):
            numbers = labels.get(word, np.zeros(0, np.int64))
            known = numbers if word == "camera" else numbers[numbers != UNKNOWN]
            beyond = np.unique(known[(known < first) | (known >= first + count)])
            if len(beyond):
                number = int(beyond[0])
                raise DataError(
                    f"the weights know no {word} {number}" if number != UNKNOWN else f"an image has no {word}",
                    found=f"{len(beyond)} {word}s without an embedding" if len(beyond) > 1 else None,
                    expected=f"{word}s {first} to {first + count - 1}, those of the training",
                    next_step=f"if the data set counts its {word}s from another number than {first}, give it with "
                    f"--set first_{word}=N; for other {word}s than those of the training, --set {WITHOUT}",
                )


def sides_of(rows: int, cameras: int, views: int, where: object) -> tuple[int, int]:
    """Return the numbers of cameras and of views in a table of so many rows.

    Args:
        rows: the rows, at least 1.
        cameras: the user's number of cameras, or 0.
        views: the user's number of views, or 0.
        where: the file, for messages.

    Raises:
        CheckpointError: the numbers do not give so many rows, or are not given and cannot be found.
    """
    if not cameras and not views:
        if rows == VERI[0] * VERI[1]:
            return VERI
        raise CheckpointError(
            f"the weights embed {rows} cameras, views or pairs of both, and the file does not say which",
            where=where,
            next_step=f"say it: --set cameras={rows} for cameras alone, --set views={rows} for views alone, --set "
            f"cameras=N with a divisor of {rows} for both; or leave them out with --set {WITHOUT}",
        )
    found = (cameras or max(1, rows // views), views or max(1, rows // cameras))
    if found[0] * found[1] != rows:
        given = [f"{count} {word}" for word, count in (("cameras", cameras), ("views", views)) if count]
        raise CheckpointError(
            "the numbers of cameras and views do not fit the weights",
            where=where,
            found=" and ".join(given),
            expected=f"a table of {rows} rows: cameras times views",
            next_step=f"give the numbers of the training, or --set {WITHOUT}",
        )
    return found


class ViewList:
    """The views of images by file name, from a list such as TransReID's and CLIP-ReID's ``keypoint_test.txt``.

    A line holds an image's path, anything, and as its last word the view, with blanks between; -1 is unknown. Of two
    lines with one file name the last counts, as in the released codes.

    Raises:
        DataError: the file cannot be read, or a line cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.views: dict[str, int] = {}
        problems = Problems(path.parent, "the list of views", "correct these lines")
        for line, text in enumerate(read_lines(path), 1):
            words = text.split()
            if len(words) > 1 and VIEW.fullmatch(words[-1]):
                self.views[_name(words[0])] = int(words[-1])
            elif words:
                problems.add(path, line, f"{quote(text)} is not an image followed by its view")
        problems.check()

    def of(self, keys: Sequence[str]) -> IntArray:
        """Return the (n,) int64 views of some images, ``UNKNOWN`` if the list has none."""
        return np.fromiter((self.views.get(_name(key), UNKNOWN) for key in keys), np.int64, len(keys))

    def checked(self, keys: Sequence[str]) -> IntArray:
        """Return the views of some images as ``of`` does, and log how many have none.

        Raises:
            DataError: none has one.
        """
        views = self.of(keys)
        lacking = int((views == UNKNOWN).sum())
        if lacking == len(keys):
            raise DataError(
                "the list of views names none of the images",
                where=self.path,
                found=next(iter(self.views), "an empty list"),
                expected=f"the file names of this data set, such as {_name(keys[0])}",
            )
        if lacking:
            log.info("%d of %d images have no view: each gets the mean of its camera's embeddings", lacking, len(keys))
        return views


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
