"""The shape of a transcribed document: every row of every results table, every number as it is printed."""

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
    """Where the tables are printed.

    Attributes:
        name: a word for messages.
        title: as printed.
        authors: as printed.
        year: of publication, None where the document does not say.
        method: the word of the method that it introduces, as ``bench methods`` has it.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    title: Text
    authors: Text
    year: int | None = None
    method: Text


class PrintedColumn(_Transcribed):
    """What a column holds, as far as the document says.

    Attributes:
        dataset: a word of ``datasets.toml``.
        subset: ``small``, ...; empty where the data set has one test set; ``of the row`` where rows differ.
        task: a task of the data set, or ``not stated``.
        measure: the quantity.
        printed: the column's heading as printed.
        convention: what else the document says of the rule; empty for nothing.
    """

    dataset: Text
    subset: str = ""
    task: Text = NOT_STATED
    measure: Measure
    printed: Text
    convention: str = ""


class Correction(_Transcribed):
    """A value that the transcriber believes instead of what is printed; column from 1."""

    column: Annotated[int, Field(ge=1)]
    value: Annotated[str, Field(pattern=NUMBER.pattern)]
    reason: Text


class PrintedRow(_Transcribed):
    """One printed row.

    Attributes:
        printed: the row's name as printed, without its reference; configurations joined by commas.
        reference: the number behind the name.
        method: one word for one method in all documents: a plugin's, or the method's best-known name.
        variant: of the method, empty for the method as published.
        own: whether the document's authors measured it, and did not quote it.
        values: one a column, as printed; ``-`` where none is printed.
        marked: columns (from 1) whose value is set in bold.
        subset: of a table whose columns leave it to the row.
        input_size: side of the square input in pixels; None where it is not stated.
        width: numbers a feature; None where it is not stated.
        metric: how features were compared; empty where it is not stated.
        epochs: as printed; empty where it is not stated.
        train_on: the data set trained on where it is another than the one evaluated.
        supervision: what the method is given beside vehicle labels and images, as far as the document says.
        part: 1, 2, ... where one printed row is split because its columns are of two variants.
        note: what a reader should know.
        corrections: of values that are misprinted or cannot be read.
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
            raise ValueError(f"a correction of '{self.printed}' is for a column that there is not")
        for column, value in enumerate(self.values, 1):
            if value != NOTHING and not NUMBER.fullmatch(value) and column not in corrected:
                raise ValueError(f"'{value}' in column {column} of '{self.printed}' is no number and has no correction")
        return self


class PrintedTable(_Transcribed):
    """One printed table.

    Attributes:
        number: as printed, or a word where there is none.
        about: its subject, in our words.
        scale: of its values.
        ablation: whether each row adds to the one above it, so that values should rise.
        columns: from left to right.
        rows: from top to bottom.
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
                raise ValueError(f"'{row.printed}' must name its subset where the columns leave it to the row")
            identity = (row.printed, row.part, row.subset, row.input_size, row.width, row.metric, row.epochs)
            if identity in seen:
                raise ValueError(f"row '{row.printed}' stands twice")
            seen.add(identity)
        return self


class CellReference(_Transcribed):
    """A cell of one of the document's tables; row and column from 1, rows as transcribed."""

    table: Text
    row: Annotated[int, Field(ge=1)]
    column: Annotated[int, Field(ge=1)]


class Claim(_Transcribed):
    """Something that the document's text says of its tables, in our words.

    Attributes:
        kind: ``value``: the cell is the value; ``mean``: the cells' mean is; ``gain``: the cell's distance over the
            other cell is; ``gain over the best``: the distance over the best row that the document quotes is, for
            each cell; ``best``: no other row of the column is higher.
        where: section.
        says: the claim.
        value: in percent or points; ``>0``; or a range ``1..2``.
        relative: whether a gain is in percent of the other value and not in points.
        of: the cells it is about.
        over: the cell of comparison.
        against: whether a best cell is best among quoted rows or among all.
        but: rows (from 1) that the text excepts.
    """

    kind: Literal["value", "mean", "gain", "gain over the best", "best"]
    where: Text
    says: Text
    value: Annotated[str, Field(pattern=r"^$|^>0$|^\d+(\.\d+)?(\.\.\d+(\.\d+)?)?$")] = ""
    relative: bool = False
    of: Annotated[tuple[CellReference, ...], Field(min_length=1)]
    over: tuple[CellReference, ...] = ()
    against: Literal["others", "all"] = "others"
    but: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Claim:
        if (self.kind == "gain") != (len(self.over) == 1) or (self.kind == "best") == bool(self.value):
            raise ValueError(f"claim '{self.says}' lacks, or has too much of, what a claim of its kind needs")
        return self


class PrintedCount(_Transcribed):
    """Images, vehicles and cameras of a data set as the document's text counts them."""

    where: Text
    dataset: Text
    counts: dict[str, Annotated[int, Field(ge=1)]]


class DatasetFacts(_Transcribed):
    """What is known of a data set.

    Attributes:
        title: its name.
        tasks: the rules by which it is evaluated, and the task of the harness that each is.
        single: those of them by which one gallery image is right.
        subsets: its test sets.
        counts: of the released lists, by the words that a document's counts use.
        queries: of each subset, in one draw.
        gallery: images of each subset's gallery, in one draw.
        drawn: whether the gallery is drawn at random.
        source: where the counts are from.
    """

    title: Text
    tasks: dict[Text, Text]
    single: tuple[Text, ...]
    subsets: tuple[str, ...]
    counts: dict[str, int]
    queries: dict[str, int]
    gallery: dict[str, int]
    drawn: bool
    source: Text


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
            raise ValueError("a table stands twice")
        for claim in self.claim:
            for cell in (*claim.of, *claim.over):
                table = tables.get(cell.table)
                if table is None or cell.row > len(table.rows) or cell.column > len(table.columns):
                    raise ValueError(f"claim '{claim.says}' is about a cell that there is not: {cell}")
        return self


def percent(printed: str, scale: Literal["share", "percent"]) -> Decimal:
    """Return a printed number in percent, with the digits that were printed."""
    return Decimal(printed).scaleb(2 if scale == "share" else 0)
