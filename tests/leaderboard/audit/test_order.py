"""Rules for ablations, galleries and differences: each has a table that it must catch and one that it must not."""

import pytest

from leaderboard.audit.rules import RULES
from tests.made_up import column, library, paper, row, table

AP, TOP1 = column("ap"), column("rank@1")
SIZES = [column("rank@1", "vehicleid", subset=size) for size in ("small", "medium", "large")]


def findings(rule, *documents):
    return list(RULES[rule](library(*documents)))


def ablation(*values, **fields):
    rows = [row(str(number), value) for number, value in enumerate(values)]
    return paper(table([TOP1], *rows, **{"ablation": True, **fields}))


@pytest.mark.parametrize("values", [("94.9", "74.4", "96.2"), ("60", "85", "65"), ("50", "55", "40", "60")])
def test_a_row_far_outside_its_neighbours_is_found(values):
    assert [one.severity for one in findings("ablation-gap", ablation(*values))] == ["warning"]


@pytest.mark.parametrize("values", [("94.9", "95.4", "96.2"), ("95.5", "95.1", "96"), ("60", "75", "90"), ("90", "60")])
def test_a_row_near_or_between_its_neighbours_is_not(values):
    assert not findings("ablation-gap", ablation(*values))


@pytest.mark.parametrize("rule", ["ablation-gap", "ablation-falls"])
def test_a_table_that_is_no_ablation_has_no_order(rule):
    assert not findings(rule, ablation("94.9", "74.4", "96.2", "90", ablation=False))


def test_a_row_below_the_one_that_it_adds_to_is_found():
    found = findings("ablation-falls", ablation("69.4", "77.2", "74.7", "75.2"))

    assert [(one.severity, one.says) for one in found] == [
        ("note", "74.7 % stands below 77.2 %, to which its row adds")
    ]


@pytest.mark.parametrize("values", [("69.4", "72.2", "74.7"), ("95.9", "95.1", "95.8"), ("94.9", "74.4", "96.2")])
def test_a_row_that_rises_or_falls_a_little_or_is_found_already_is_not(values):
    assert not findings("ablation-falls", ablation(*values))


def test_a_result_that_rises_with_the_gallery_is_found():
    found = findings("rises-with-gallery", paper(table(SIZES, row("ours", "75.2", "72.3", "72.5"))))

    assert [one.says for one in found] == ["rank@1 on vehicleid (large) is 72.5 %, above medium, 72.3 %"]


@pytest.mark.parametrize("values", [("75.2", "72.3", "67.7"), ("75.2", "72.3", "72.3"), ("75.2", "-", "76")])
def test_a_result_that_falls_or_stays_is_not(values):
    assert not findings("rises-with-gallery", paper(table(SIZES, row("ours", *values))))


def tops(*pairs, dataset="veri776"):
    columns = [column("rank@1", dataset), column("rank@5", dataset)]
    return paper(table(columns, *(row(str(n), *map(str, pair)) for n, pair in enumerate(pairs))))


def test_a_top_5_far_above_top_1_is_found_among_rows_that_are_alike():
    found = findings("top-k-gap", tops((64, 80), (67, 83), (71, 89), (72, 85), (70, 83), (68, 82)))

    assert [one.severity for one in found] == ["note"]
    assert found[0].says == "rank@5 on veri776 minus rank@1 is 18; in the other rows it is 13 to 16"
    assert [cell.row for cell in found[0].cells] == [3, 3]


@pytest.mark.parametrize(
    "pairs",
    [
        [(64, 80), (67, 83), (71, 87.5), (72, 85), (70, 83), (68, 82)],
        [(64, 80), (30, 51), (71, 89), (80, 91), (70, 83), (68, 82)],
        [(64, 80), (67, 83), (71, 98), (72, 85)],
        [(64.0, 80.0), (64.1, 80.1), (71.0, 87.9), (72.0, 88.0), (70.0, 86.0)],
    ],
    ids=["near", "among rows that differ", "too few rows", "within a point"],
)
def test_a_top_5_that_is_not_far_is_not(pairs):
    assert not findings("top-k-gap", tops(*pairs))


def over_map(*pairs, **fields):
    return paper(table([AP, TOP1], *(row(str(n), *pair, **fields) for n, pair in enumerate(pairs))))


ALIKE = [("75.7", "95.2"), ("77.7", "95.9"), ("78.0", "95.1"), ("78.5", "95.8")]


def test_a_top_1_far_nearer_to_map_than_in_the_documents_other_own_rows_is_found():
    found = findings("map-gap", over_map(*ALIKE, ("79.3", "91.5"), own=True))

    assert [(one.severity, one.says) for one in found] == [
        ("note", "rank@1 on veri776 minus mAP is 12.2; in the other rows it is 17.1 to 19.5")
    ]


@pytest.mark.parametrize("fields", [{"own": False}, {"own": True, "train_on": "vru"}])
def test_a_top_1_is_compared_with_own_rows_of_the_same_training_set(fields):
    rows = [row(str(n), *pair, own=True) for n, pair in enumerate(ALIKE)]
    assert not findings("map-gap", paper(table([AP, TOP1], *rows, row("other", "23.1", "95.5", **fields))))


def by_size(*rows):
    columns = [
        column(measure, "vehicleid", subset=size) for size in ("small", "medium") for measure in ("rank@1", "rank@5")
    ]
    return paper(table(columns, *(row(str(n), *map(str, values)) for n, values in enumerate(rows))))


STEADY = [(40, 60, 36, 56), (50, 74, 43, 67), (62, 76, 56, 71), (68, 82, 66, 80)]


def test_a_gap_that_changes_with_the_gallery_as_in_no_other_row_is_found():
    found = findings("gap-jumps", by_size(*STEADY, (64, 78, 62, 82)))

    assert [one.says for one in found] == [
        "the change of rank@5 minus rank@1 on vehicleid from small to medium is 6; in the other rows it is 0 to 1"
    ]


def test_a_gap_that_changes_as_in_other_rows_is_not():
    assert not findings("gap-jumps", by_size(*STEADY, (64, 78, 62, 77)))


def parts(*methods):
    values = [("51.4", "-"), ("-", "67.0")]
    rows = [{**row("OIFE", *values[n], part=n + 1), "method": method} for n, method in enumerate(methods)]
    return paper(table([AP, column("rank@1", "vehicleid", subset="large")], *rows))


def test_a_printed_row_of_two_methods_is_found():
    [found] = findings("two-in-a-row", parts("OIFE+ST", "OIFE"))

    assert found.severity == "warning"
    assert found.says == "'OIFE' has the values of OIFE+ST on veri776 and OIFE on vehicleid"
    assert not findings("two-in-a-row", parts("OIFE", "OIFE"))


def test_inputs_of_two_sizes_in_one_table_are_found():
    document = paper(table([AP], row("ours", "79.3", own=True, input_size=224), row("RNN-HA", "56.8", input_size=672)))
    [found] = findings("mixed-inputs", document)

    assert (found.severity, found.says) == (
        "note",
        "veri776: inputs of 224 pixels (ours) and 672 pixels (RNN-HA) in one table",
    )
    assert [cell.row for cell in found.cells] == [2]


def test_an_input_that_only_another_document_states_counts():
    quoting = paper(table([AP], row("ours", "79.3", own=True, input_size=224), row("pr-reid", "74.3")))
    source = paper(table([AP], row("pr-reid", "74.3", own=True, input_size=512)), name="another")

    assert not findings("mixed-inputs", quoting)
    assert "512 pixels (pr-reid)" in findings("mixed-inputs", quoting, source)[0].says


@pytest.mark.parametrize(
    "rows",
    [
        [row("ours", "79.3", input_size=224), row("RNN-HA", "56.8", input_size=224)],
        [row("ours", "79.3", input_size=224), row("RNN-HA", "56.8")],
        [row("ours", "65.3", input_size=128), row("ours", "70.2", input_size=256)],
    ],
    ids=["one size", "not stated", "a table about the size of the input"],
)
def test_inputs_of_one_size_or_of_one_method_are_not(rows):
    assert not findings("mixed-inputs", paper(table([AP], *rows)))
