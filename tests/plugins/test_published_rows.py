"""Every row that a paper prints of its own method is a variant, and a run by the paper's recipe has the row's name."""

import pytest

from harness.features.provenance import Origin
from harness.methods.method import resolve_options
from harness.methods.naming import name_run
from harness.registry.registry import load
from leaderboard.published.library import load_library

METHODS = ("strong-baseline", "ram", "rnn-ha", "pgan", "pr-reid")
RECIPES = {"40": "report", "20": "report-vru-20", "20 + 5": "report-vru"}
"""The recipe for the epochs of a row of the strong baseline's report."""

ROWS = sorted(
    {
        (row.method, row.variant, RECIPES.get(row.epochs or "", "paper"))
        for document in load_library().documents
        for table in document.table
        for row in table.rows
        if row.own and row.method in METHODS
    }
)


def test_every_method_has_published_rows():
    assert {method for method, _, _ in ROWS} == set(METHODS)


@pytest.mark.parametrize(("name", "variant", "recipe"), ROWS)
def test_a_run_of_a_published_row_has_its_name(name, variant, recipe):
    method = load().method(name)
    options = resolve_options(name, method, variant=variant, recipe=recipe)

    assert name_run(name, method, options, recipe)[:2] == (variant, {})


@pytest.mark.parametrize("variant", ["resnet50", ""])
def test_the_reports_resnet50_and_the_reference_do_not_share_a_name(variant):
    method = load().method("strong-baseline")
    names = []
    for recipe in ("report", "paper"):
        options = resolve_options("strong-baseline", method, variant=variant, recipe=recipe)
        found, changes, _ = name_run("strong-baseline", method, options, recipe)
        names.append(Origin(method="strong-baseline", variant=found, changes=dict(changes)).run_name)

    assert names == ["strong-baseline/resnet50", "strong-baseline"]
