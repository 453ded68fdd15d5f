"""The page of the files' schemas, from the modules that write and read them."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import ModuleType
from typing import Annotated, Any

from make_api import markdown, prose
from pydantic import BaseModel, TypeAdapter

from harness.describe.method import type_words
from harness.features import layout, storage
from harness.features.provenance import Provenance
from harness.scoring import per_query, record
from pages import text

INTRODUCTION = """\
What the harness writes and reads, field by field. Everything is checked when it is read, and nothing in these files is
ever executed."""


def page() -> str:
    """Return the page."""
    return text.page("Files", INTRODUCTION, _parts())


def _parts() -> Iterator[str]:
    yield "## Feature file"
    yield "An HDF5 file, written by `harness.write_features`, `bench run` and `bench extract`."
    yield from prose((layout.__doc__ or "").strip())
    yield text.table(["constant", "value", "meaning"], constants(layout))
    yield "### Types of features"
    yield from prose((storage.__doc__ or "").strip())
    yield "### Provenance of features"
    yield from fields(Provenance)
    yield "## Record"
    yield (
        "A JSON file, `record-TASK.json` in the folder of a run. It has the fields below, the number of the schema "
        f"(`schema`, now {record.SCHEMA}), and the SHA-256 of the canonical JSON of all of them (`digest`). A file of "
        f"more than {record.MAX_BYTES >> 20} MiB or one that was changed by hand is refused."
    )
    yield from fields(record.Record)
    for model in (record.FurtherMeasure, record.PerQueryFile, record.Cost):
        yield f"### {model.__name__}"
        yield from fields(model)
    yield "## Values of every query"
    yield from prose((per_query.__doc__ or "").strip())
    yield (
        f"Its columns are {', '.join(f'`{name}`' for name in per_query.FIXED)}, for tasks with draws "
        f"`{per_query.ASKED}`, and one for each measure."
    )
    yield from markdown(inspect.getdoc(per_query.PerQuery) or "")


def constants(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """Yield the name, value and meaning of each constant of a module that has a docstring, as the source has them."""
    body = ast.parse(inspect.getsource(module)).body
    for node, after in pairwise(body):
        match node, after:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(meaning))):
                yield text.code(name), text.code(ast.unparse(node.value)), " ".join(meaning.replace("``", "`").split())


def fields(model: type[BaseModel]) -> Iterator[str]:
    """Yield the table of a model's fields."""
    described = attributes(model)
    rows = []
    for name, field in model.model_fields.items():
        annotation: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        schema = TypeAdapter(annotation).json_schema(mode="serialization")
        required = "yes" if field.is_required() else ""
        rows.append((text.code(name), type_of(schema), required, described.get(name, "")))
    yield text.table(["field", "type", "required", "meaning"], rows)


def type_of(schema: Mapping[str, Any]) -> str:
    """Return the type in a JSON schema in a few words."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(part) for part in schema["anyOf"]))
    if schema.get("pattern") == "^[0-9a-f]{64}$":
        return "SHA-256"
    if schema.get("type") == "object":
        inside = schema.get("additionalProperties")
        return f"object of {type_of(inside)}" if isinstance(inside, Mapping) and inside else "object"
    if schema.get("type") == "array" and "prefixItems" in schema:
        return f"list of {len(schema['prefixItems'])} {type_of(schema['prefixItems'][0])}"
    if schema.get("type") == "array" and schema.get("items"):
        return f"list of {type_of(schema['items'])}"
    return type_words(schema) or "any"


def attributes(model: type) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say of each attribute."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        section = re.search(
            r"^Attributes:\n((?: {4}.*\n?)+)", inspect.cleandoc(one.__dict__.get("__doc__") or ""), re.M
        )
        for name, written in re.findall(r"^ {4}(\w+): (.*\n?(?: {5,}.*\n?)*)", section[1] if section else "", re.M):
            found[name] = " ".join(written.replace("``", "`").split()).removesuffix(".")
    return found
