"""Methods in plain words: papers, variants, options, needs and the layers of the network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic.errors import PydanticInvalidForJsonSchema

from harness.errors import UsageError
from harness.features.provenance import Origin
from harness.methods.method import Method, Options, resolve_options
from harness.methods.naming import as_set
from harness.registry.kinds import METHOD
from harness.registry.registry import Registry

CLASSES = {"vehicle": 576, "camera": 20, "colour": 10, "type": 9}
"""The number of classes of each label in the training images of VeRi-776 (Liu et al., 2016), the usual reference."""

SOURCE = re.compile(r"\((R|(?:open|poster|report|sections?|tables?|equations?|figures?)\b[^()]*)\)")
"""The source in an option's description: ``R`` is the authors' released recipe, ``open`` means unpublished."""

WORDS = {"integer": "int", "number": "float", "boolean": "bool", "string": "str", "array": "list", "null": "none"}
BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def describe_method(
    registry: Registry,
    word: str,
    *,
    recipe: str = "",
    changes: Mapping[str, str] | None = None,
    classes: Mapping[str, int] = CLASSES,
    size: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Return the description of ``name`` or ``name/variant`` as JSON values.

    ``size`` is the height and width of the images, or None for the size in the options.

    Raises:
        UsageError: unknown method, variant, recipe, option or value, or the method does not accept this image size.
        DataError: the method needs a label that is not in ``classes``.
        PluginError: the method breaks the contract.
    """
    from harness.describe.network import dissect

    name, _, variant = word.partition("/")
    entry, method = registry.entry(METHOD, name), registry.method(name)
    chosen: dict[str, Any] = {"variant": variant, "recipe": recipe, "changes": changes or {}}
    options = _with_size(name, method, chosen, size) if size else resolve_options(name, method, **chosen)
    found = dissect(name, method, options, classes)
    if size and found.input_size != size:
        raise UsageError(
            f"{name} has no option input_size",
            found=f"{size[0]} x {size[1]}",
            expected=f"its fixed size {found.input_size[0]} x {found.input_size[1]}",
            next_step="omit --input",
        )
    return {
        "method": name,
        "variant": variant,
        "recipe": recipe,
        "changes": {option: as_set(option, value) for option, value in (changes or {}).items()},
        "about": entry.about or method.about,
        "plugin": entry.plugin,
        "control": method.control,
        "papers": list(method.papers),
        "preprocessing": method.preprocessing,
        "provenance": method.provenance,
        "metric": found.metric,
        "variants": {word: dict(sets) for word, sets in method.variants.items()},
        "recipes": {word: dict(sets) for word, sets in method.recipes.items()},
        "options": options_of(method.Options, options),
        "needs": {"train": sorted(found.needs), "test": sorted(found.test_needs)},
        "classes": dict(classes),
        "input": list(found.input_size),
        "stages": [
            {"stage": stage.name, "shape": list(stage.shape), "training": stage.training} for stage in found.stages
        ],
        "feature": found.width,
        "parameters": {"train": found.train, "last_stage": found.last, "test": found.test},
    }


def number_of_classes(vehicles: int | None, colours: int | None, models: int | None) -> dict[str, int]:
    """Return ``CLASSES`` with the given numbers; 0 removes a label, and models replace types."""
    kind = {"type": CLASSES["type"]} if models is None else {"model": models}
    given = {"vehicle": vehicles, "camera": None, "colour": colours}
    counts = {**{label: CLASSES[label] if count is None else count for label, count in given.items()}, **kind}
    return {label: count for label, count in counts.items() if count}


def _with_size(name: str, method: type[Method], chosen: dict[str, Any], size: tuple[int, int]) -> Options:
    """Return the options with ``input_size`` as one number or as two, as the method accepts it."""
    if "input_size" not in method.Options.model_fields:
        return resolve_options(name, method, **chosen)
    if "input_size" in chosen["changes"]:
        raise UsageError("the input size is given twice", found="--input and --set input_size", expected="one of them")
    if size[0] != size[1] and _properties(method.Options).get("input_size", {}).get("type") == "integer":
        raise UsageError(
            f"{name} accepts square images only",
            found=f"{size[0]} x {size[1]}",
            expected="one number for both height and width",
            next_step=f"give --input {size[0]} or --input {size[1]}",
        )
    refused: list[UsageError] = []
    for form in (size[0], size) if size[0] == size[1] else (size,):
        try:
            return resolve_options(name, method, **{**chosen, "changes": {**chosen["changes"], "input_size": form}})
        except UsageError as problem:
            refused.append(problem)
    raise refused[0]


def options_of(model: type[Options], resolved: Options) -> list[dict[str, Any]]:
    """Return name, type, default, value, description and source of each option, in the order of the class."""
    properties = _properties(model)
    defaults = {name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()}
    shown = model.model_construct(**defaults).model_dump(mode="json", warnings=False)
    values = resolved.model_dump(mode="json")
    return [
        {
            "option": name,
            "type": type_words(properties.get(name, {})) or str(field.annotation),
            "default": shown[name],
            "value": values[name],
            "about": field.description or "",
            "source": "; ".join(SOURCE.findall(field.description or "")),
        }
        for name, field in model.model_fields.items()
    ]


def _properties(model: type[Options]) -> dict[str, Any]:
    """Return the JSON schema of each option; empty if an option cannot be expressed in JSON schema."""
    try:
        properties: dict[str, Any] = model.model_json_schema().get("properties", {})
    except PydanticInvalidForJsonSchema:
        return {}
    return properties


def type_words(schema: Mapping[str, Any]) -> str:
    """Return the type in a JSON schema in a few words: ``int >= 1 or full``."""
    if "anyOf" in schema:
        return " or ".join(type_words(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    bounds = [f"{sign} {schema[word]}" for word, sign in BOUNDS.items() if word in schema]
    inside = f" of {type_words(schema['items'])}" if schema.get("items") else ""
    return " ".join([WORDS.get(schema.get("type", ""), ""), ", ".join(bounds)]).strip() + inside


def text(described: Mapping[str, Any]) -> str:
    """Return the result of ``describe_method`` as text for a terminal."""
    from tabulate import tabulate

    name = Origin(**{word: described[word] for word in ("method", "variant", "changes")}).run_name
    under = f", recipe {described['recipe']}" if described["recipe"] else ""
    needs = {word: ", ".join(given).replace("|", " or ") or "nothing" for word, given in described["needs"].items()}
    options = [
        {
            "option": option["option"],
            "type": option["type"],
            "default": as_set(option["option"], option["default"]),
            "here": "" if option["value"] == option["default"] else as_set(option["option"], option["value"]),
            "about": option["about"],
        }
        for option in described["options"]
    ]
    blocks = [
        f"{name}{under}: {described['about']}",
        "\n".join([f"paper: {paper}" for paper in described["papers"]] or ["paper: none"])
        + "".join(f"\n{word}: {described[word]}" for word in ("preprocessing", "provenance") if described[word]),
        f"plugin: {described['plugin']}\nmetric: {described['metric']}\n"
        f"needs: {needs['train']} for training, {needs['test']} at test time besides the images",
        _sets("variants", described["variants"]) + "\n" + _sets("recipes", described["recipes"]),
        tabulate(options, headers="keys", tablefmt="github", disable_numparse=True) or "no options",
        _inside(described),
        f"feature: {_numbers(described['feature'])}\n{_parameters(**described['parameters'])}",
    ]
    return "\n\n".join(blocks)


def _numbers(width: int) -> str:
    return f"{width:,} numbers" if width else "as many numbers as the given network has"


def _sets(word: str, named: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a line with the names of all sets of options, followed by one line for each set."""
    shown = {
        name: [f"{option}={as_set(option, value)}" for option, value in sets.items()] for name, sets in named.items()
    }
    lines = [f"  {name}: {', '.join(shown[name]) or 'the defaults'}" for name in sorted(named)]
    return "\n".join([f"{word}: {', '.join(sorted(named)) or 'none'}", *lines])


def _inside(described: Mapping[str, Any]) -> str:
    height, width = described["input"]
    classes = ", ".join(f"{label} {count:,}" for label, count in described["classes"].items())
    lines = [f"for an image of 3 x {height} x {width} and the classes {classes}:"]
    lines += [
        f"  {stage['stage']}: {' x '.join(map(str, stage['shape'])) or 'one number'}"
        f"{' (training only)' if stage['training'] else ''}"
        for stage in described["stages"]
    ]
    return "\n".join(lines if described["stages"] else [*lines, "  no network"])


def _parameters(train: int, last_stage: int | None, test: int) -> str:
    """Return the numbers of parameters; that of the last stage only if it leaves some unchanged."""
    last = "" if last_stage in (train, None) else f"of which {last_stage:,} are trained to the end, "
    return f"parameters: {train:,} in training, {last}{test:,} at test time"
