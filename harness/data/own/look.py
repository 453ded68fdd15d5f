"""Looking at a folder of images, or at a table or lists of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.data.columns import split_word
from harness.data.lists import forward, leads_out
from harness.data.own.folder import Images, Placed, images_below, place
from harness.data.own.found import Notes, OwnData
from harness.data.own.names import Pattern
from harness.data.own.paths import resolve
from harness.data.own.reading import RawTable, is_image, read_raw
from harness.data.own.rows import asked, in_split, rows_of_names
from harness.data.own.table import look_at_table
from harness.errors import DataError, UsageError, first_of

TABLES = (".csv", ".tsv")
LISTS = (".txt", ".lst", ".list")


def look(folder: Path | None, tables: Sequence[Path], pattern: Pattern | None, notes: Notes) -> OwnData:
    """Return what a folder of images, a table, or lists of names say about a user's data.

    Args:
        folder: the folder of the images; None for that of the first table, which is then needed.
        tables: one table with columns, or any number of lists with a file name in each line. Without any, the only
            table in the folder is taken, or else the names of the images.
        pattern: the pattern of the names; None to find it.
        notes: receives what was taken for what, and is asked.

    Raises:
        DataError: there are no images, or a table cannot be read.
        UsageError: the names follow no pattern that is known.
    """
    root = tables[0].parent if folder is None else folder
    if folder is not None and not folder.is_dir():
        looked_like_table = folder.is_file()
        raise DataError(
            "the folder is a file" if looked_like_table else "the folder is missing",
            where=folder,
            next_step=f"give it with --table: bench data init --table {folder}" if looked_like_table else None,
        )
    given = [_existing(path, root) for path in tables] or (_lying_in(root, notes) if pattern is None else [])
    if not given:
        return _look_at_names(root, images_below(root), pattern, notes)
    raws = [read_raw(path) for path in given]
    try:
        images: Images | None = images_below(root)
    except DataError:
        images = None
    if images is not None:
        notes.open += images.notes
    if all(_is_list(raw) for raw in raws):
        return _look_at_lists(raws, root, images, pattern, notes)
    if len(raws) > 1 or pattern is not None:
        what = "several tables are given" if len(raws) > 1 else "a table with columns needs no pattern of names"
        raise UsageError(what, found=first_of(given), expected="one table with columns, or lists of file names")
    return look_at_table(raws[0], root, images, notes)


def _existing(path: Path, root: Path) -> Path:
    """Return a table's path, which may be relative to the folder of the images."""
    return root / path if not path.exists() and (root / path).is_file() else path


def _lying_in(root: Path, notes: Notes) -> list[Path]:
    """Return the only table in a folder; lists and several tables are only named."""
    files = sorted(path for path in root.iterdir() if path.is_file() and not path.name.startswith("."))
    found = [path for path in files if path.suffix.lower() in TABLES]
    if len(found) == 1:
        notes.taken.append(("table", found[0].name))
        return found
    seen = [path.name for path in [*found, *(path for path in files if path.suffix.lower() in LISTS)]]
    if seen:
        notes.open.append(f"Not used: {first_of(seen)}. If one says more than the names, give it with --table.")
    return []


def _is_list(raw: RawTable) -> bool:
    """Return whether each line, but perhaps the first, is only the name of an image."""
    return all(len(fields) == 1 for _, fields in raw.rows) and is_image("".join(raw.rows[0][1] if raw.rows else ()))


def _look_at_names(root: Path, images: Images, pattern: Pattern | None, notes: Notes) -> OwnData:
    notes.open += images.notes
    placed, outside = place(images.keys)
    if outside:
        notes.open.append(f"{len(outside)} images are in no folder of a split and are left out: {first_of(outside, 3)}")
    splits = dict.fromkeys(image.split for image in placed if image.split)
    if splits:
        notes.taken.append(("split", f"the folders for {', '.join(splits)}"))
    return _of_names(root, placed, pattern, images, notes)


def _look_at_lists(
    raws: Sequence[RawTable], root: Path, images: Images | None, pattern: Pattern | None, notes: Notes
) -> OwnData:
    """Return what lists say that name an image in each line, each list being one split."""
    placed: list[Placed] = []
    for raw in raws:
        split = split_word(raw.path.stem)
        if len(raws) > 1 and not split:
            raise UsageError(
                "a list's name does not say which split it is",
                found=raw.path,
                expected="a name such as train.txt, query.txt, gallery.txt or test.txt",
            )
        placed += _of_list(raw, split, images, notes)
        notes.taken.append(("split" if split else "list", f"{raw.path.name}{f' for {split}' if split else ''}"))
    return _of_names(root, placed, pattern, images, notes, raws[0].path)


def _of_list(raw: RawTable, split: str, images: Images | None, notes: Notes) -> list[Placed]:
    texts = [fields[0] for _, fields in raw.rows]
    if images is None:
        notes.open.append(f"There are no images in the folder; the names in {raw.path.name} are taken as written.")
        keys = [key for key in map(forward, texts) if not leads_out(key)]
    else:
        found = resolve(texts, images.keys, split)
        if found.lost:
            notes.open.append(f"{len(found.lost)} lines of {raw.path.name} are no image: {first_of(found.lost, 3)}")
        keys = list(found.key_of.values())
        if found.prefix:
            notes.taken.append((f"images of {raw.path.name}", found.prefix))
    if not keys:
        raise DataError("no line of the list is an image in the folder", where=raw.path, found=first_of(texts, 3))
    return in_split(place(list(dict.fromkeys(keys)))[0], split)


def _of_names(
    root: Path,
    placed: Sequence[Placed],
    pattern: Pattern | None,
    images: Images | None,
    notes: Notes,
    source: Path | None = None,
) -> OwnData:
    rows, used = rows_of_names(placed, pattern, notes)
    rows, query, gallery = asked(rows, notes)
    settings: dict[str, object] = {} if images is None else {"formats": list(images.formats)}
    if not any(row["split"] for row in rows):
        rows = [{word: text for word, text in row.items() if word != "split"} for row in rows]
    return OwnData(root, rows, source, settings, {}, query, gallery, used.text)
