"""The generated pages are up to date, and have everything that they are about."""

import make_reference
import pytest
from pages import commands, files, hooks, measures, methods, own, protocols

from harness.measures import FAMILIES
from harness.registry import hookspecs
from harness.registry.kinds import METHOD, PROTOCOL
from harness.registry.registry import load

NAMES = ("commands.md", "files.md", "hooks.md", "measures.md", "methods.md", "protocols.md")


@pytest.mark.parametrize("name", NAMES)
def test_a_generated_page_is_up_to_date(name):
    assert make_reference.PAGES[name]() == (make_reference.FOLDER / name).read_text(encoding="utf-8"), "run 'make docs'"


def test_every_page_in_the_folder_is_generated():
    assert {path.name for path in make_reference.FOLDER.iterdir()} == set(make_reference.PAGES) == set(NAMES)


def test_every_hook_is_on_its_page():
    specified = [name for name in vars(hookspecs) if name.startswith("bench_")]
    page = hooks.page()

    assert specified
    assert hooks.names() == specified
    assert [name for name in specified if f"\n### {name}\n" not in page] == []


def test_the_example_of_a_hook_registers_its_method(tmp_path):
    file = tmp_path / "plugin.py"
    file.write_text(hooks.EXAMPLE)

    assert "mean-colour" in load([file]).names(METHOD)


def test_every_measure_has_a_formula():
    assert [word for word, family in FAMILIES.items() if not family.formula] == []
    assert measures.page().count("```math") == len(FAMILIES)


def test_every_field_of_a_record_is_explained():
    from harness.features.provenance import Provenance
    from harness.scoring.record import Record

    for model in (Provenance, Record):
        assert model.model_fields.keys() <= files.attributes(model).keys()


def test_every_verb_of_the_project_is_on_the_page_of_commands():
    page = commands.page()

    assert [verb for verb in own.verbs() if f"### bench {verb}\n" not in page] == []


def test_every_protocol_and_method_of_the_project_is_on_its_page():
    registry = own.registry()
    shown, ruled = methods.page(), protocols.page()

    assert [name for name in registry.names(METHOD) if f"## {name}\n" not in shown] == []
    assert [name for name in registry.names(PROTOCOL) if f"## {name}\n" not in ruled] == []
    assert [name for name in registry.names(PROTOCOL) if f"**Sources of {name}**" not in ruled] == []
