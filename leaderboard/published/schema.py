"""The schema of a transcribed document: every row of every results table, every number as printed."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Text = Annotated[str, Field(min_length=1, max_length=400)]
Measure = Literal["ap", "rank@1", "rank@5"]
"""The quantity behind a printed name: mAP; Top-1, Rank-1, CMC@1 or HIT@1; likewise for five."""

NOT_STATED = "not stated"
OF_THE_ROW = "of the row"
NOTHING = "-"
NUMBER = re.compile(r"\d+(\.\d+)?")


class _Transcribed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(_Transcribed):
    """The document that prints the tables.

    Attributes:
        year: of publication; None if the document does not state it.
        method: the method that it introduces, by the name in ``bench methods``.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    title: Text
    authors: Text
    year: int | None = None
    method: Text


class PrintedColumn(_Transcribed):
    """A column of a table, as far as the document describes it.

    Attributes:
        dataset: a name in ``datasets.toml``.
        subset: ``small``, ...; empty if the data set has one test set; ``of the row`` if rows differ.
        task: a task of the data set, or ``not stated``.
        measure: the measure of its values.
        printed: its heading as printed.
        convention: other details of the rule in the document, or empty.
    """

    dataset: Text
    subset: str = ""
    task: Text = NOT_STATED
    measure: Measure
    printed: Text
    convention: str = ""


class Correction(_Transcribed):
    """A value that the transcriber believes to be right instead of the printed one; columns count from 1."""

    column: Annotated[int, Field(ge=1)]
    value: Annotated[str, Field(pattern=NUMBER.pattern)]
    reason: Text


class PrintedRow(_Transcribed):
    """One printed row.

    Attributes:
        printed: the row's name as printed, without its reference; configurations joined by commas.
        reference: number of the reference after the name.
        method: the same name in all documents: a plugin's, or the best-known one.
        variant: the variant of the method; empty for the method as published.
        own: whether the document's authors measured it instead of quoting it.
        values: one for each column, as printed; ``-`` for none.
        marked: columns (from 1) whose value is bold.
        subset: for columns whose subset is ``of the row``.
        input_size: side of the square input in pixels; None if not stated.
        width: length of a feature; None if not stated.
        metric: the metric of the features; empty if not stated.
        epochs: the number of epochs as printed; empty if not stated.
        train_on: training data set, if it is not the evaluated one.
        supervision: labels and boxes besides vehicles and images, as far as the document states them; a reader wants
            ``Library.supervision``, which knows all documents.
        part: 1, 2, ... for the parts of one printed row whose columns are of two variants.
        note: a remark for readers.
        corrections: corrections of values that are misprinted or illegible.
    """

    printed: Text
    reference: str = ""
    method: Text
    variant: str = ""
    own: bool = False
    values: tuple[Text, ...]
    marked: tuple[int, ...] = ()
    subset: str = ""
    input_size: int | None = None
    width: int | None = None
    metric: Literal["", "cosine", "euclidean"] = ""
    epochs: str = ""
    train_on: str = ""
    supervision: tuple[Text, ...] = ()
    part: int = 0
    note: str = ""
    corrections: tuple[Correction, ...] = ()

    @property
    def method_name(self) -> str:
        """The method and its variant."""
        return f"{self.method}/{self.variant}" if self.variant else self.method

    @model_validator(mode="after")
    def _every_value_is_a_number(self) -> PrintedRow:
        corrected = {correction.column for correction in self.corrections}
        if corrected - set(range(1, len(self.values) + 1)):
            raise ValueError(f"a correction of '{self.printed}' is for a column that does not exist")
        for column, value in enumerate(self.values, 1):
            if value != NOTHING and not NUMBER.fullmatch(value) and column not in corrected:
                raise ValueError(
                    f"'{value}' in column {column} of '{self.printed}' is not a number and has no correction"
                )
        return self


class PrintedTable(_Transcribed):
    """One printed table.

    Attributes:
        number: the number as printed, or a word if the table has none.
        about: its subject, in our words.
        scale: of its values.
        ablation: whether each row adds to the one above it, so that values should rise.
    """

    number: Text
    about: Text
    scale: Literal["share", "percent"]
    ablation: bool = False
    columns: Annotated[tuple[PrintedColumn, ...], Field(min_length=1)]
    rows: Annotated[tuple[PrintedRow, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _rows_fill_the_columns_once(self) -> PrintedTable:
        seen: set[object] = set()
        for row in self.rows:
            if len(row.values) != len(self.columns):
                raise ValueError(f"'{row.printed}' has {len(row.values)} values for {len(self.columns)} columns")
            if (OF_THE_ROW in {column.subset for column in self.columns}) != bool(row.subset):
                raise ValueError(f"'{row.printed}' must name its subset only if a column leaves it to the row")
            identity = (row.printed, row.part, row.subset, row.input_size, row.width, row.metric, row.epochs)
            if identity in seen:
                raise ValueError(f"row '{row.printed}' occurs twice")
            seen.add(identity)
        return self


class CellReference(_Transcribed):
    """A cell of one of the document's tables; row and column from 1, rows as transcribed."""

    table: Text
    row: Annotated[int, Field(ge=1)]
    column: Annotated[int, Field(ge=1)]


class Claim(_Transcribed):
    """A claim in the document's text about its tables, in our words.

    Attributes:
        kind: ``value``: the cell has the value; ``mean``: the mean of the cells has it; ``gain``: the difference to the
            other cell has it; ``gain over the best``: for each cell, the difference to the best quoted row has it;
            ``best``: no other row of the column is higher; ``rises``: no cell is lower than the one before it;
            ``equal``: each cell has the value of its counterpart.
        where: the section.
        says: the claim.
        value: the value in percent or points; ``>0``; or a range ``1..2``.
        relative: whether a gain is in percent of the other value and not in points.
        of: the cells of the claim; for ``rises`` in their order.
        over: the cell to compare with; for ``equal`` the counterparts.
        against: whether the best cell is the best of the quoted rows or of all.
        but: rows (from 1) that the text excludes.
    """

    kind: Literal["value", "mean", "gain", "gain over the best", "best", "rises", "equal"]
    where: Text
    says: Text
    value: Annotated[str, Field(pattern=r"^$|^>0$|^\d+(\.\d+)?(\.\.\d+(\.\d+)?)?$")] = ""
    relative: bool = False
    of: Annotated[tuple[CellReference, ...], Field(min_length=1)]
    over: tuple[CellReference, ...] = ()
    against: Literal["others", "all"] = "others"
    but: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _has_the_fields_of_its_kind(self) -> Claim:
        others = {"gain": 1, "equal": len(self.of)}.get(self.kind, 0)
        if len(self.over) != others or (self.kind in ("best", "rises", "equal")) == bool(self.value):
            raise ValueError(f"claim '{self.says}' lacks a field that its kind needs, or has one too many")
        return self


class PrintedCount(_Transcribed):
    """Numbers of images, vehicles and cameras of a data set in the document's text."""

    where: Text
    dataset: Text
    counts: dict[str, Annotated[int, Field(ge=1)]]


class DatasetFacts(_Transcribed):
    """Known facts about a data set.

    Attributes:
        tasks: by evaluation rule, the task of the harness.
        single: rules under which exactly one gallery image is right.
        shared: measures that have the same value under every rule, so that they do not tell which rule was used.
        subsets: its test sets.
        counts: the counts of the released lists, by the words of ``PrintedCount``.
        queries: the number of queries of each subset, in one draw.
        gallery: the number of images in each subset's gallery, in one draw.
        drawn: whether the gallery is drawn at random.
        source: the source of the counts.
        counted: whether they were counted on the released lists; if not, they are those of the data set's documents.
    """

    title: Text
    tasks: dict[Text, Text]
    single: tuple[Text, ...]
    shared: tuple[Measure, ...] = ()
    subsets: tuple[str, ...]
    counts: dict[str, int]
    queries: dict[str, int]
    gallery: dict[str, int]
    drawn: bool
    source: Text
    counted: bool = True


class Published(_Transcribed):
    """One transcribed document."""

    document: Document
    table: Annotated[tuple[PrintedTable, ...], Field(min_length=1)]
    claim: tuple[Claim, ...] = ()
    count: tuple[PrintedCount, ...] = ()

    @model_validator(mode="after")
    def _cells_exist(self) -> Published:
        tables = {table.number: table for table in self.table}
        if len(tables) != len(self.table):
            raise ValueError("a table occurs twice")
        for claim in self.claim:
            for cell in (*claim.of, *claim.over):
                table = tables.get(cell.table)
                if table is None or cell.row > len(table.rows) or cell.column > len(table.columns):
                    raise ValueError(f"claim '{claim.says}' is about a cell that does not exist: {cell}")
        return self


def percent(printed: str, scale: Literal["share", "percent"]) -> Decimal:
    """Return a printed number in percent, with the digits that were printed."""
    return Decimal(printed).scaleb(2 if scale == "share" else 0)
