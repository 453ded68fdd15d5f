import json

import pytest

from harness.describe.protocol import describe, statements, text
from harness.registry.registry import load
from harness.tasks.fingerprint import fingerprint
from protocols.vehicleid import VehicleId
from protocols.veri776 import Veri776
from tests.protocols.trees import write_vehicleid
from tests.protocols.veri_tree import write_tree

BUILT_IN = ["vehicleid", "veri776", "veriwild", "vric", "vru"]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_statement_of_every_task_and_convention_has_a_source(name):
    for task in load().protocol(name).tasks:
        for asked in (task, *(task.under(convention) for convention in task.conventions)):
            assert asked.about
            assert all(statement.says and statement.source for statement in statements(asked)), asked.name


def test_the_rule_is_said_in_plain_words():
    said = {statement.what: statement.says for statement in statements(Veri776.tasks[0])}

    assert said["gallery"] == "every track of the split 'gallery'; a track is represented by its nearest image"
    assert said["ignored"] == "the query's vehicle under the query's camera"
    assert said["measure hit@1"].startswith("HIT@1: ")
    assert "is ranked after it" in said["ties"]


def test_draws_are_said_with_their_number_seeds_and_definition():
    said = {statement.what: statement.says for statement in statements(VehicleId.tasks[0])}

    assert said["draws"].startswith(
        "one image of each vehicle is drawn into the gallery, all others form the query; repeated 10 times"
    )
    assert "SHA-256" in said["each draw"]
    assert "seeds 0 to 9" in said["each draw"]
    assert said["ignored"] == "nothing"


def test_a_copy_adds_counts_fingerprints_and_what_cannot_be_asked(tmp_path):
    dataset = Veri776().load(write_tree(tmp_path, tracks=None))
    tracks, images = describe(Veri776(), dataset)["tasks"]

    assert tracks["unavailable"] == "the track list is missing: image-to-track cannot be evaluated"
    assert images["found"]["queries"] == 2
    assert images["released"]["queries"] == 1_678
    assert images["fingerprint"] == fingerprint(Veri776, Veri776.tasks[1], dataset)
    assert "queries: 2 instead of 1678" in images["differences"]


def test_a_vehicle_that_cannot_be_drawn_from_is_said(tmp_path):
    dataset = VehicleId().load(write_vehicleid(tmp_path, of_800=["1 11", "2 12", "3 12"]))

    assert "one image only" in describe(VehicleId(), dataset)["tasks"][0]["unavailable"]


def test_the_description_reads_as_lines_with_numbered_sources_and_as_json(tmp_path):
    described = describe(Veri776(), Veri776().load(write_tree(tmp_path)))
    lines = text(described).splitlines()

    assert lines[0] == "VeRi-776 (veri776, version 1)"
    assert "  right: everything that shows the query's vehicle and is not ignored [1]" in lines
    assert "[1] Liu et al., PROVID, IEEE Transactions on Multimedia 20(3), 2018" in lines
    assert "    trapezoid-ap: average precision by trapezoids" in text(described)
    assert "  official: no; queries: 2 instead of 1678" in text(described)
    assert json.loads(json.dumps(described)) == described
    assert "released: 1,678 queries" in text(describe(Veri776()))
