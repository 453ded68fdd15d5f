"""Every row of the paper's tables is a variant, with the parameters that its layers have on VeRi-776."""

import pytest

from harness.describe.method import describe_method
from harness.registry.registry import load
from leaderboard.published.library import load_library
from plugins.pgan.method import PGAN
from tests.plugins.pgan.made import pgan
from tests.plugins.veri import VERI

WHOLE, NO_PAM, BASELINE = 36_462_658, 34_364_480, 26_380_864
FUSED = 32_939_586  # f_f alone; f_g and f_p have 1,761,536 each
NARROW, NARROW_NO_PAM = 34_108_482, 32_010_304

TABLES = {
    # variant: what differs from the whole method, and the parameters (all, the frozen bias of the neck among them)
    "": ({}, WHOLE),
    "baseline": ({"D": 0}, BASELINE),
    "f_f": ({"losses": "f"}, FUSED),
    "f_f+f_g": ({"losses": "f+g"}, FUSED + 1_761_536),
    "f_f+f_p": ({"losses": "f+p"}, FUSED + 1_761_536),
    "grid": ({"attention": "grid"}, WHOLE),
    "no-pam": ({"attention": "equal"}, NO_PAM),
    "grid-256": ({"attention": "grid", "dimension": 256}, NARROW),
    "no-pam-256": ({"attention": "equal", "dimension": 256}, NARROW_NO_PAM),
    "256": ({"dimension": 256}, NARROW),
    "d4": ({"D": 4}, WHOLE),
    "d6": ({"D": 6}, WHOLE),
    "d10": ({"D": 10}, WHOLE),
    "printed-schedule": ({"warm_up": 0, "milestones": (21, 41, 61, 81, 101, 121)}, WHOLE),
}


def test_these_are_all_variants():
    assert {"", *PGAN.variants} == set(TABLES)


@pytest.mark.parametrize("variant", TABLES)
def test_a_variant_differs_from_the_whole_method_in_its_row_alone(variant):
    whole, options = pgan().options.model_dump(), pgan(variant).options.model_dump()

    assert {name: value for name, value in options.items() if value != whole[name]} == TABLES[variant][0]


@pytest.mark.parametrize("variant", TABLES)
def test_a_variants_description_counts_its_parameters_on_veri(variant):
    changes, parameters = TABLES[variant]
    width = changes.get("dimension", 512)
    heads = {"f": 0, "f+g": 1, "f+p": 1}.get(changes.get("losses"), 2) * (variant != "baseline")
    head = 1_761_536 if width == 512 else 1_393_792

    found = describe_method(load(), f"pgan/{variant}".rstrip("/"), recipe="paper", classes=VERI)

    at_test = parameters - width * 576 - heads * head
    frozen = width  # the neck's bias
    assert found["parameters"] == {"train": parameters, "last_stage": parameters - frozen, "test": at_test}
    assert (found["feature"], found["input"]) == (width, [224, 224])


def test_every_published_row_of_pgan_is_a_variant_of_its_width_and_input():
    (paper,) = [document for document in load_library().documents if document.document.name == "pgan-paper"]
    rows = [row for table in paper.table for row in table.rows if row.own]

    assert len(rows) == 5 + 6 + 4 + 5
    for row in rows:
        assert row.method == "pgan"
        options = pgan(row.variant).options
        assert (options.dimension, options.input_size) == (row.width, row.input_size), row.printed
