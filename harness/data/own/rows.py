"""Rows of a table made from the names of images and of their folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from harness.data.own.folder import Placed
from harness.data.own.found import Notes, Row
from harness.data.own.names import Pattern, find_pattern
from harness.errors import DataError, first_of

JUNK = "-1"
"""The vehicle of false detections in the layout of Market-1501, which its protocol leaves out."""


def rows_of_names(placed: Sequence[Placed], pattern: Pattern | None, notes: Notes) -> tuple[list[Row], Pattern]:
    """Return a row for each image whose path fits a pattern, and the pattern: the given one, or one that is found.

    Raises:
        DataError: no image fits the pattern.
        UsageError: no usual pattern fits.
    """
    chosen = pattern or find_pattern([image.inner for image in placed])
    read = [(image, chosen.read(image.inner)) for image in placed]
    lost = [image.key for image, fields in read if fields is None]
    if len(lost) == len(placed):
        raise DataError(
            "no image fits the pattern of the names",
            found=first_of((image.inner for image in placed), 3),
            expected=chosen.text,
            next_step="describe the names below the folder of their split, without their ending, with --names",
        )
    if lost:
        notes.open.append(f"{len(lost)} images do not fit the names and are left out: {first_of(lost, 3)}")
    found = [(image, fields) for image, fields in read if fields is not None]
    junk = [image.key for image, fields in found if fields["vehicle"] == JUNK]
    if junk:
        notes.taken.append(("left out", f"{len(junk)} images of '{JUNK}', which are false detections"))
    rows: list[Row] = [
        {"path": image.key, "split": image.split, **fields} for image, fields in found if fields["vehicle"] != JUNK
    ]
    words = {row["split"] for row in rows}
    if "query" in words and "gallery" not in words:
        rows = [{**row, "split": "gallery"} if row["split"] == "test" else row for row in rows]
    for word in ("type", "track", "camera", "vehicle"):
        if word in rows[0]:
            notes.taken.append((word, _told(word, rows, chosen)))
    notes.taken.append(("names", chosen.text))
    return _numbered_again(rows, notes), chosen


def _told(word: str, rows: Sequence[Row], pattern: Pattern) -> str:
    values = sorted({row[word] for row in rows}, key=lambda text: (len(text), text))
    of = "the type and the number" if word == "vehicle" and "{type}" in pattern.text else f"{{{word}}}"
    return f"{of} in the names: {first_of(values, 4)}"


def _numbered_again(rows: list[Row], notes: Notes) -> list[Row]:
    """Return the rows; if the numbering starts again in each split, the vehicles' names begin with their split."""
    groups = {row["split"]: "test" if row["split"] in ("query", "gallery") else row["split"] for row in rows}
    found = {(groups[row["split"]], row["vehicle"]) for row in rows}
    shared = sorted(vehicle for vehicle, count in Counter(vehicle for _, vehicle in found).items() if count > 1)
    if not shared:
        return rows
    answers = ("no, the numbering starts again in each", "yes, they are the same vehicles")
    question = (
        f"{len(shared)} names of vehicles are in several of {', '.join(sorted(set(groups.values())))}, such as "
        f"{shared[0]}. Are these the same vehicles?"
    )
    if notes.decide(question, answers):
        return rows
    notes.taken.append(("vehicle", "with the name of its split before it, since the numbering starts again in each"))
    return [{**row, "vehicle": f"{groups[row['split']]}/{row['vehicle']}"} for row in rows]


def asked(rows: list[Row], notes: Notes) -> tuple[list[Row], str, str]:
    """Return the rows and the splits of query and gallery, for rows that were made from names.

    Images of a test split, or of no split, under two cameras with one image of each vehicle are asked by the first and
    answered by the second; otherwise every image asks all others.
    """
    words = list(dict.fromkeys(row["split"] for row in rows))
    if "query" in words:
        answer = "gallery" if "gallery" in words else "query"
        notes.taken.append(("asks", f"the folder of queries; '{answer}' answers"))
        return rows, "query", answer
    word = next((word for word in ("test", "gallery", "val", "") if word in words), words[0])
    tested = [row for row in rows if row["split"] == word]
    cameras = sorted({row["camera"] for row in tested if "camera" in row}, key=lambda text: (len(text), text))
    pairs = Counter((row["vehicle"], row.get("camera")) for row in tested)
    others = "camera {} answers" if len(cameras) == 2 else "the other cameras answer"
    everyone = "every image asks all others"
    if len(cameras) > 1:
        by_camera = f"camera {cameras[0]} asks, {others.format(cameras[1])}"
        sided = len(cameras) == 2 and max(pairs.values()) == 1
        answers = (by_camera, everyone) if sided else (everyone, by_camera)
        where = f" of '{word}'" if word else ""
        if answers[notes.decide(f"Which images{where} ask?", answers)] == by_camera:
            notes.taken.append(("asks", by_camera))
            sides = {True: "query", False: "gallery"}
            rows = [
                {**row, "split": sides[row["camera"] == cameras[0]]} if row["split"] == word else row for row in rows
            ]
            return rows, "query", "gallery"
    notes.taken.append(("asks", everyone + (f" of '{word}'" if word else "")))
    return rows, word, word


def in_split(placed: Sequence[Placed], split: str) -> list[Placed]:
    """Return images with the split of the list that names them."""
    return [replace(image, split=split or image.split) for image in placed]
