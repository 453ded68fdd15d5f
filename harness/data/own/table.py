"""A user's table with columns: which column is which, where its images are, and which of its splits ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.data.columns import COLUMNS, lookalikes, plain, split_word
from harness.data.csv_table import ALL, read_tables
from harness.data.delimiters import DELIMITERS
from harness.data.lists import forward, leads_out, quote
from harness.data.own.folder import Images
from harness.data.own.found import Notes, OwnData, Row
from harness.data.own.paths import Resolved, resolve
from harness.data.own.reading import BLANK, RawTable, is_image
from harness.data.values import NOTHING, Words, fault_of_time
from harness.errors import DataError, first_of

FLAGS = {"query": "isquery", "gallery": "isgallery"}
"""Columns that say by 1 or 0 whether an image is a query or in the gallery."""

TRUE = {"1", "true", "yes", "1.0"}
MARKED = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar", BLANK: "spaces"}


def look_at_table(raw: RawTable, root: Path, images: Images | None, notes: Notes) -> OwnData:
    """Return what a table with several columns says; it is read as it is, if a protocol's file can describe it.

    Args:
        raw: the table.
        root: the folder that is searched for its images.
        images: the images below this folder, or None if there are none.
        notes: receives what was taken for what.

    Raises:
        DataError: no column has the paths or the vehicles, or no row can be used.
    """
    columns = _columns(raw, notes)
    notes.taken.append(("delimiter", MARKED[raw.delimiter]))
    notes.taken.append(("encoding", raw.encoding))
    place = {word: (raw.header or _numbers(raw)).index(name) for word, name in columns.items()}
    rows, changed = _without_words_for_nothing(_rows(raw, place, notes), notes)
    found = _resolve(rows, images, notes)
    if found is not None:
        rows = [row for row in rows if row["path"] in found.key_of]
    rows, asks = _with_splits(rows, raw, notes)
    settings: dict[str, object] = {} if images is None else {"formats": list(images.formats)}
    settings.update(_kept_words(rows))
    read_by = dict(settings)
    if raw.encoding != "utf-8":
        read_by["encoding"] = raw.encoding
    if raw.delimiter not in DELIMITERS:
        read_by["delimiter"] = raw.delimiter
    ignore = _ignored(rows, notes)
    if not changed and (found is None or found.prefix is not None):
        base = root if found is None or not found.prefix else root / found.prefix
        names = {word: name for word, name in columns.items() if word != name}
        whole = OwnData(base, None, raw.path, read_by, names, *asks, ignore=ignore)
        if _as_it_is(raw, whole, rows):
            return whole
    key_of = {} if found is None else found.key_of
    rows = [{**row, "path": key_of.get(row["path"], forward(row["path"]))} for row in rows]
    return OwnData(root, _distinct(rows, notes), raw.path, settings, {}, *asks, ignore=ignore)


def _numbers(raw: RawTable) -> tuple[str, ...]:
    """Return names for the columns of a table whose first line has none."""
    return tuple(f"column {number}" for number in range(1, len(raw.rows[0][1]) + 1))


def _columns(raw: RawTable, notes: Notes) -> dict[str, str]:
    """Return the table's own name for each of our columns that it has."""
    if not raw.header:
        return _by_place(raw, notes)
    found: dict[str, str] = {}
    free = [name for name in raw.header if name]
    for word in COLUMNS:
        like = lookalikes(free, word)
        if like:
            found[word] = like[0]
            if len(like) > 1:
                found[word] = like[notes.decide(f"Which column has the {word}s?", like)]
            free.remove(found[word])
            notes.taken.append((word, f"the column '{found[word]}'"))
    flags = {name for name in raw.header if plain(name) in FLAGS.values()}
    unused = [name for name in free if name not in flags]
    if unused:
        notes.taken.append(("not used", first_of(unused)))
    for word in ("path", "vehicle"):
        if word not in found:
            raise DataError(
                f"no column of the table looks like the {word}s",
                where=raw.path,
                found=first_of(raw.header),
                expected=f"a name such as {first_of(COLUMNS[word], 5)}",
                next_step="rename the column in the table's first line",
            )
    return found


def _by_place(raw: RawTable, notes: Notes) -> dict[str, str]:
    """Return the columns of a table without names: path, vehicle, camera, as in the lists of the field."""
    names, first = _numbers(raw), raw.rows[0][1]
    if len(first) == 1:
        raise DataError(
            "the lines of the list are no file names, and are not divided into fields",
            where=f"{raw.path}:{raw.rows[0][0]}",
            found=quote(first[0]),
            expected="the name of an image in each line, or names of columns in the first line",
        )
    path = next((place for place, text in enumerate(first) if is_image(text)), 0)
    others = [place for place in range(len(first)) if place != path]
    found = dict(zip(("path", "vehicle", "camera"), (names[place] for place in (path, *others)), strict=False))
    said = ", ".join(f"{name} for the {word}s" for word, name in found.items())
    notes.open.append(f"The first line names no columns. Taken: {said}. Else: write names into the first line.")
    notes.taken += found.items()
    return found


def _rows(raw: RawTable, place: Mapping[str, int], notes: Notes) -> list[Row]:
    """Return the rows with a path and a vehicle, without the times that cannot be read."""
    rows, short = [], []
    for line, fields in raw.rows:
        row = {word: fields[column] for word, column in place.items() if column < len(fields)}
        if row.get("path") and row.get("vehicle"):
            rows.append({**row, "line": str(line)})
        else:
            short.append(line)
    if short:
        notes.open.append(f"{len(short)} rows lack a path or a vehicle and are left out: lines {first_of(short, 5)}")
    if not rows:
        raise DataError("the table has no row with a path and a vehicle", where=raw.path)
    wrong = [row["time"] for row in rows if "time" in row and fault_of_time(Words().known(row["time"]))]
    if wrong:
        notes.open.append(f"The times cannot be read and are left out: {first_of(dict.fromkeys(wrong), 3)}")
        rows = [{word: text for word, text in row.items() if word != "time"} for row in rows]
    return rows


def _without_words_for_nothing(rows: list[Row], notes: Notes) -> tuple[list[Row], bool]:
    """Return the rows with unknown values empty, if words such as ``nan`` mean that, and whether they do."""
    before = rows
    for word in ("vehicle", "camera", "track"):
        found = {row[word] for row in rows if row.get(word, "").lower() in NOTHING}
        if not found:
            continue
        count = sum(row.get(word, "") in found for row in rows)
        unknown = "yes, these rows are left out" if word == "vehicle" else "yes, it is left empty"
        question = f"The {word} of {count} images is {first_of(map(repr, sorted(found)))}. Is it unknown?"
        if notes.decide(question, (unknown, f"no, it is a {word}")) == 0:
            left = [row for row in rows if word != "vehicle" or row[word] not in found]
            rows = [{**row, word: "" if row.get(word) in found else row.get(word, "")} for row in left]
    if not rows:
        raise DataError("no row of the table has a vehicle", found=f"{len(before)} rows whose vehicle is unknown")
    return rows, rows is not before


def _kept_words(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Return the settings by which words such as ``nan`` that were kept as names are read as names."""
    kept = {word for word in ("vehicle", "camera", "track") for row in rows if row.get(word, "").lower() in NOTHING}
    return {**({"nobody": []} if "vehicle" in kept else {}), **({"unknown": []} if kept - {"vehicle"} else {})}


def _ignored(rows: Sequence[Row], notes: Notes) -> tuple[str, ...]:
    """Return what a query ignores if the cameras of some images are unknown; empty for the usual rule."""
    unknown = sum(not row.get("camera") for row in rows)
    if unknown in (0, len(rows)):
        return ()
    notes.open.append(
        f"The cameras of {unknown} images are unknown, so a query ignores only its own image, not its camera's."
    )
    return ("same image",)


def _resolve(rows: Sequence[Row], images: Images | None, notes: Notes) -> Resolved | None:
    """Return the images that the rows name; None if there are no images to compare with."""
    if images is None:
        notes.open.append("There are no images in the folder; the paths are taken as they are written.")
        return None
    found = resolve((row["path"] for row in rows), images.keys)
    if not found.key_of:
        notes.open.append(
            f"None of the paths is an image in the folder, such as {found.lost[0]}; they are taken as they are written."
        )
        return None
    if found.lost:
        notes.open.append(f"{len(found.lost)} paths are no image in the folder: {first_of(found.lost, 3)}")
    if found.padded:
        notes.open.append(
            f"{found.padded} names have lost the zeros at their front, as in a spreadsheet; taken with them."
        )
    return found


def _with_splits(rows: list[Row], raw: RawTable, notes: Notes) -> tuple[list[Row], tuple[str, str]]:
    """Return the rows with our words for their splits, and the splits of query and gallery."""
    flags = {word: raw.header.index(name) for word, flag in FLAGS.items() for name in raw.header if plain(name) == flag}
    if len(flags) == len(FLAGS):
        rows = list(_by_flags(rows, raw, flags))
        notes.taken.append(("split", "the columns that say who asks and who answers"))
    elif not any(row.get("split") for row in rows):
        rows = [{word: text for word, text in row.items() if word != "split"} for row in rows]
        notes.taken.append(("asks", "every image asks all others, since no column has the splits"))
        return rows, ("", "")
    lost = [row["line"] for row in rows if not row.get("split")]
    if lost:
        notes.open.append(f"{len(lost)} rows have no split and are left out: lines {first_of(lost, 5)}")
        rows = [row for row in rows if row.get("split")]
    words = list(dict.fromkeys(row["split"] for row in rows))
    known = {word: split_word(word) or word for word in words}
    if len(set(known.values())) < len(words) or known.get("train", "") != "train" or "train" in known.values():
        rows = [{**row, "split": known[row["split"]]} for row in rows]
        words = list(dict.fromkeys(known.values()))
        known = {word: word for word in words}
    query, gallery = _asks(known, notes)
    notes.taken.append(
        ("asks", f"'{query}'" + (f"; '{gallery}' answers" if query != gallery else ", all others answer"))
    )
    return rows, (query, gallery)


def _by_flags(rows: Sequence[Row], raw: RawTable, flags: Mapping[str, int]) -> list[Row]:
    """Return the rows with the splits that two columns of 1 and 0 say; an image that asks and answers has two rows."""
    fields_of = {str(line): fields for line, fields in raw.rows}
    found = []
    for row in rows:
        fields = fields_of[row["line"]]
        asked = [
            word
            for word, column in flags.items()
            if fields[column : column + 1][0:1] and fields[column].lower() in TRUE
        ]
        found += [{**row, "split": word} for word in asked or [split_word(row.get("split", "")) or "train"]]
    return found


def _asks(known: Mapping[str, str], notes: Notes) -> tuple[str, str]:
    """Return the splits of query and gallery among a table's own words, given our word for each."""
    own = {word: name for name, word in known.items()}
    if "query" in own:
        return own["query"], own.get("gallery") or own.get("test") or own["query"]
    for word in ("test", "gallery", "val"):
        if word in own:
            return own[word], own[word]
    others = [name for name, word in known.items() if word != "train"] or list(known)
    answers = [f"every image of '{name}' asks all others of it" for name in others]
    chosen = others[notes.decide("Which images ask?", answers)]
    return chosen, chosen


def _as_it_is(raw: RawTable, whole: OwnData, rows: Sequence[Row]) -> bool:
    """Return whether a protocol's file can describe the table, with the same rows and splits."""
    if not raw.header or raw.delimiter == BLANK or any(leads_out(row["path"]) for row in rows):
        return False
    settings = whole.settings
    try:
        tables = read_tables(
            raw.path,
            whole.columns,
            str(settings.get("delimiter", "")),
            str(settings.get("encoding", "utf-8")),
            Words(unknown=()) if "unknown" in settings else Words(),
        )
    except DataError:
        return False
    expected: dict[str, int] = {}
    for row in rows:
        expected[row.get("split", ALL)] = expected.get(row.get("split", ALL), 0) + 1
    return {split: len(table) for split, table in tables.items()} == expected


def _distinct(rows: Sequence[Row], notes: Notes) -> list[Row]:
    """Return the rows without those that repeat an image of their split, or whose path leads out of the folder."""
    inside = [row for row in rows if not leads_out(row["path"])]
    if not inside:
        raise DataError("no path of the table can be used", found=first_of((row["path"] for row in rows), 3))
    if len(inside) < len(rows):
        odd = (row["path"] for row in rows if leads_out(row["path"]))
        notes.open.append(
            f"{len(rows) - len(inside)} paths lead out of the folder and are left out: {first_of(odd, 3)}"
        )
    first: dict[tuple[str, str], Row] = {}
    for row in inside:
        first.setdefault((row["path"], row.get("split", "")), row)
    if len(first) < len(inside):
        notes.open.append(f"{len(inside) - len(first)} rows repeat an image and are left out")
    return [{word: text for word, text in row.items() if word != "line"} for row in first.values()]
