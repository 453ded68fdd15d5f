"""The generated pages are up to date, and have everything that they are about."""

import importlib

import pytest

from harness.measures import FAMILIES
from harness.registry import hookspecs
from harness.registry.kinds import METHOD, PROTOCOL
from harness.registry.registry import load
from tests.docs.blocks import ROOT

NAMES = ("commands.md", "files.md", "hooks.md", "measures.md", "methods.md", "protocols.md")


@pytest.fixture(scope="module")
def made():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs"))
        yield importlib.import_module("make_reference")


@pytest.mark.parametrize("name", NAMES)
def test_a_generated_page_is_up_to_date(made, name):
    assert made.PAGES[name]() == (made.FOLDER / name).read_text(encoding="utf-8"), "run 'make docs'"


def test_every_page_in_the_folder_is_generated(made):
    assert {path.name for path in made.FOLDER.iterdir()} == set(made.PAGES) == set(NAMES)


def test_every_hook_is_on_its_page(made):
    specified = [name for name in vars(hookspecs) if name.startswith("bench_")]
    page = made.hooks.page()

    assert specified
    assert made.hooks.names() == specified
    assert [name for name in specified if f"\n### {name}\n" not in page] == []


def test_the_example_of_a_hook_registers_its_method(made, tmp_path):
    file = tmp_path / "plugin.py"
    file.write_text(made.hooks.EXAMPLE)

    assert "mean-colour" in load([file]).names(METHOD)


def test_every_measure_has_a_formula(made):
    assert [word for word, family in FAMILIES.items() if not family.formula] == []
    assert made.measures.page().count("```math") == len(FAMILIES)


def test_every_field_of_a_record_is_explained(made):
    from harness.features.provenance import Provenance
    from harness.scoring.record import Record

    for model in (Provenance, Record):
        assert model.model_fields.keys() <= made.files.attributes(model).keys()


def test_every_verb_of_the_project_is_on_the_page_of_commands(made):
    page = made.commands.page()

    assert [verb for verb in made.commands.own.verbs() if f"### bench {verb}\n" not in page] == []


def test_every_protocol_and_method_of_the_project_is_on_its_page(made):
    registry = made.commands.own.registry()
    methods, protocols = made.methods.page(), made.protocols.page()

    assert [name for name in registry.names(METHOD) if f"## {name}\n" not in methods] == []
    assert [name for name in registry.names(PROTOCOL) if f"## {name}\n" not in protocols] == []
    assert [name for name in registry.names(PROTOCOL) if f"**Sources of {name}**" not in protocols] == []
