"""Each rule has a table that it must catch and one that it must not."""

import pytest

from leaderboard.audit.rules import RULES
from tests.made_up import column, library, paper, row, table

AP, TOP1, TOP5 = column("ap"), column("rank@1"), column("rank@5")
SIZES = [column("rank@1", "vehicleid", subset=size) for size in ("small", "medium", "large")]
ON_TRACKS = column("rank@1", task="image-to-track")
TRACK_AP = column("ap", task="image-to-track")
SINGLE = [column(measure, "vric", task="single-shot") for measure in ("ap", "rank@1", "rank@5")]


def findings(rule, *documents):
    return list(RULES[rule](library(*documents)))


def of_one_row(*values, columns=(AP, TOP1, TOP5), **fields):
    return paper(table(list(columns), row("ours", *values, **fields)))


@pytest.mark.parametrize("value", ["100.1", "250"])
def test_a_value_above_100_is_found(value):
    found = findings("out-of-range", of_one_row(value, "50", "60"))

    assert [one.severity for one in found] == ["error"]
    assert found[0].rows == (f"a-paper, table 1, ours, mAP: {value}",)


def test_a_value_from_0_to_100_is_not():
    assert not findings("out-of-range", of_one_row("0", "100.0", "100"))


def test_a_share_is_read_as_a_share():
    shares = {"scale": "share"}
    assert not findings("out-of-range", paper(table([AP], row("ours", "0.793"), **shares)))
    assert findings("out-of-range", paper(table([AP], row("ours", "79.3"), **shares)))


def test_top_5_below_top_1_is_found():
    found = findings("top-k-falls", of_one_row("50", "80.5", "80.4"))

    assert [(one.severity, len(one.rows)) for one in found] == [("error", 2)]


@pytest.mark.parametrize("fifth", ["80.5", "80.6", "80"])
def test_top_5_that_may_be_equal_to_top_1_is_not(fifth):
    """80 printed without a decimal may be 80.49."""
    assert not findings("top-k-falls", of_one_row("50", "80.5" if fifth != "80" else "80.4", fifth))


def test_top_5_of_another_test_set_is_not_compared():
    columns = [column("rank@1", "vehicleid", subset="small"), column("rank@5", "vehicleid", subset="large")]
    assert not findings("top-k-falls", of_one_row("80", "70", columns=columns))


@pytest.mark.parametrize("value", ["70.0", "90.0"])
def test_map_that_no_single_shot_ranking_gives_is_found(value):
    """With 80 at rank 1 and 88 up to rank 5 mAP is between 80.8 (trapezoid) and 86.1."""
    found = findings("single-relevant", of_one_row(value, "80.0", "88.0", columns=SINGLE))

    assert [one.severity for one in found] == ["error"]


@pytest.mark.parametrize("value", ["80.8", "81.7", "84.0", "86.0"])
def test_map_within_its_bounds_is_not(value):
    """By the trapezoid rule a hit at rank 5 counts 1/10."""
    assert not findings("single-relevant", of_one_row(value, "80.0", "88.0", columns=SINGLE))


def test_map_below_top_1_is_nothing_special_where_many_are_right():
    assert not findings("single-relevant", of_one_row("20", "80", "90"))


def test_map_below_top_1_says_that_an_unstated_rule_is_another():
    columns = [column("ap", "vru", subset="small"), column("rank@1", "vru", subset="small")]
    found = findings("single-relevant", of_one_row("70", "90", columns=columns))

    assert [one.severity for one in found] == ["warning"]
    assert "the rule, which is not stated, must be another" in found[0].says


def test_a_hit_rate_between_two_possible_ones_is_found():
    """1,292 hits out of 1,678 are 76.996 %, 1,293 are 77.056 %."""
    found = findings("impossible-fraction", of_one_row("77.03", columns=[TOP1]))

    assert [one.severity for one in found] == ["warning"]
    assert "77.00 (1,292 hits) or 77.06 (1,293 hits)" in found[0].says


def test_a_hit_rate_of_a_stated_task_cannot_be_excused():
    assert [one.severity for one in findings("impossible-fraction", of_one_row("77.03", columns=[ON_TRACKS]))] == [
        "error"
    ]


@pytest.mark.parametrize("value", ["77.00", "77.06", "77.05", "77.0", "100.0", "0.00"])
def test_a_hit_rate_that_hits_give_rounded_or_cut_off_is_not(value):
    assert not findings("impossible-fraction", of_one_row(value, columns=[TOP1]))


def test_a_mean_over_draws_can_take_more_values():
    """5 of 5,693 is 0.0878 %, half a hit more 0.0966 %: impossible for one draw, possible for the mean of ten."""
    columns = [column("rank@1", "vehicleid", subset="small")]
    assert not findings("impossible-fraction", of_one_row("0.0931", columns=columns))
    assert findings("impossible-fraction", of_one_row("0.09315", columns=columns))


def test_map_has_no_granularity():
    assert not findings("impossible-fraction", of_one_row("77.03", columns=[AP]))


def rates(*values, **fields):
    return paper(table([TOP1], *(row(str(n), value, own=True, **fields) for n, value in enumerate(values))))


def test_a_hit_rate_that_is_cut_off_among_rounded_ones_is_found():
    """1,290 and 1,465 of 1,678 are 76.877 and 87.306 %; 1,062 are 63.290 %."""
    found = findings("one-rounding", rates("76.88", "63.28", "87.31"))

    assert [one.severity for one in found] == ["warning"]
    assert "63.28 % can only be cut off" in found[0].says
    assert "76.88 % and 87.31 % can only be rounded" in found[0].says
    assert [cell.row for cell in found[0].cells] == [2]


@pytest.mark.parametrize(
    "values",
    [("76.88", "63.29", "87.31"), ("76.87", "63.28", "87.30"), ("61.56", "63.28", "66.03"), ("76.9", "63.2")],
    ids=["all rounded", "all cut off", "one that tells", "too few digits to tell"],
)
def test_hit_rates_of_one_way_of_rounding_are_not(values):
    assert not findings("one-rounding", rates(*values))


def test_quoted_hit_rates_may_be_rounded_in_another_way():
    quoted = [row("FACT", "63.28"), row("ours", "76.88", own=True), row("ours too", "87.31", own=True)]
    assert not findings("one-rounding", paper(table([TOP1], *quoted)))


def test_values_that_count_200_queries_say_so():
    rows = [row(str(n), value, own=True) for n, value in enumerate(["99.50", "98.00", "95.50", "92.50"])]
    found = findings("implied-queries", paper(table([TOP1], *rows)))

    assert len(found) == 1
    assert "hits out of 200 queries" in found[0].says
    assert "1,678" in found[0].says


def test_values_that_count_the_released_queries_say_nothing():
    values = [f"{100 * hits / 1678:.2f}" for hits in (1211, 1307, 1402, 1498, 1577)]
    rows = [row(str(n), value, own=True) for n, value in enumerate(values)]
    assert not findings("implied-queries", paper(table([TOP1], *rows)))


def test_values_that_fit_a_number_by_chance_say_nothing():
    rows = [row(str(n), value, own=True) for n, value in enumerate(["95.2", "95.9", "96.5"])]
    assert not findings("implied-queries", paper(table([TOP1], *rows)))


def test_one_method_with_two_values_in_two_papers_is_found():
    one = paper(table([AP], row("FACT", "18.5")))
    other = paper(table([AP], row("FACT", "18.75")), name="another")
    found = findings("quoted-differently", one, other)

    assert [one.documents for one in found] == [("a-paper", "another")]
    assert "18.5 %, 18.75 %" in found[0].says


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (row("FACT", "18.8"), row("FACT", "18.75")),
        (row("FACT", "18.5", input_size=224), row("FACT", "20.5", input_size=448)),
        (row("FACT", "18.5", width=256), row("FACT", "20.5", width=512)),
        (row("FACT", "18.5", train_on="vru"), row("FACT", "20.5")),
        (row("FACT", "18.5"), row("LOMO", "20.5")),
        (row("FACT", "18.5"), row("FACT", "20.5", variant="big")),
    ],
    ids=["rounding", "input size", "width", "training set", "method", "variant"],
)
def test_values_that_agree_or_have_a_reason_to_differ_are_not(one, other):
    assert not findings("quoted-differently", paper(table([AP], one)), paper(table([AP], other), name="another"))


def test_a_row_without_a_size_is_explained_by_one_of_the_sizes():
    quoted = paper(table([AP], row("ours", "70.2")), name="another")
    sizes = paper(table([AP], row("ours", "65.3", input_size=128), row("ours", "70.2", input_size=256)))

    assert not findings("quoted-differently", quoted, sizes)
    assert findings("quoted-differently", paper(table([AP], row("ours", "68")), name="another"), sizes)


def test_two_tasks_may_have_two_values():
    one = paper(table([column("ap", task="image-to-track")], row("FACT", "18.5")))
    other = paper(table([column("ap", task="image-to-image")], row("FACT", "12.1")), name="another")
    assert not findings("quoted-differently", one, other)


def test_the_same_values_under_the_name_of_another_method_are_found():
    one = paper(table([AP, TOP1], row("OIFE", "51.4", "92.4")))
    other = paper(table([AP, TOP1], row("OIFE+ST", "51.4", "92.4")), name="another")
    found = findings("other-name", one, other)

    assert [one.severity for one in found] == ["warning"]
    assert "'OIFE' and 'OIFE+ST'" in found[0].says


def test_all_names_for_one_method_are_one_note():
    documents = [
        paper(table([AP, TOP1], {**row(name, "51.4", "92.4"), "method": "CCL"}), name=f"paper-{number}")
        for number, name in enumerate(["CCL", "VGG+CCL", "VGGCCL"])
    ]
    found = findings("other-name", *documents)

    assert [one.severity for one in found] == ["note"]
    assert found[0].says == "'CCL', 'VGG+CCL' and 'VGGCCL' have the same values: they are names of CCL"
    assert len(found[0].cells) == 6


@pytest.mark.parametrize(
    "other",
    [row("OIFE+ST", "51.4", "92.3"), row("oife", "51.4", "92.4"), row("OIFE+ST", "51.4", "-")],
    ids=["another value", "the same name", "one value only"],
)
def test_rows_that_share_less_are_not(other):
    one = paper(table([AP, TOP1], row("OIFE", "51.4", "92.4")))
    assert not findings("other-name", one, paper(table([AP, TOP1], other), name="another"))


def test_a_papers_own_word_for_its_method_is_not_another_name():
    own = paper(table([AP, TOP1], {**row("Ours", "74.3", "94.3", own=True), "method": "pr-reid"}))
    quoted = paper(table([AP, TOP1], {**row("Part-Regular", "74.3", "94.3"), "method": "pr-reid"}), name="another")
    assert not findings("other-name", own, quoted)


def test_a_number_of_one_task_in_a_column_of_another_is_found():
    source = paper(table([TRACK_AP], row("pr-reid", "74.3", own=True)))
    mixed = paper(
        table([column("ap", task="image-to-image")], row("pr-reid", "74.3"), row("ours", "79.3")), name="another"
    )
    found = findings("mixed-tasks", source, mixed)

    assert [one.severity for one in found] == ["error"]
    assert "image-to-track" in found[0].says


def test_a_number_of_a_stated_task_in_a_column_that_states_none_is_a_warning():
    source = paper(table([TRACK_AP], row("pr-reid", "74.3")))
    silent = paper(table([AP], row("pr-reid", "74.3"), row("ours", "79.3")), name="another")

    assert [one.severity for one in findings("mixed-tasks", source, silent)] == ["warning"]


@pytest.mark.parametrize("task", ["image-to-image", "not stated"])
def test_top_1_on_veri_does_not_tell_the_task(task):
    """The nearest track is that of the nearest image: HIT@1 equals CMC@1."""
    source = paper(table([ON_TRACKS], row("pr-reid", "94.3", own=True)))
    other = paper(table([column("rank@1", task=task)], row("pr-reid", "94.3")), name="another")

    assert not findings("mixed-tasks", source, other)


@pytest.mark.parametrize(
    "other",
    [
        paper(table([TRACK_AP], row("pr-reid", "74.3")), name="another"),
        paper(table([AP], row("pr-reid", "70.2")), name="another"),
        paper(table([AP], row("ram", "74.3")), name="another"),
    ],
    ids=["the same task", "another value", "another method"],
)
def test_a_column_of_one_task_is_not(other):
    assert not findings("mixed-tasks", paper(table([TRACK_AP], row("pr-reid", "74.3"))), other)


def test_a_data_set_with_one_task_cannot_mix_tasks():
    stated = column("rank@1", "vehicleid", subset="small", task="drawn gallery")
    silent = column("rank@1", "vehicleid", subset="small")
    one, other = paper(table([stated], row("ram", "75.2"))), paper(table([silent], row("ram", "75.2")), name="another")
    assert not findings("mixed-tasks", one, other)


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
    found = findings("rises-with-gallery", of_one_row("75.2", "72.3", "72.5", columns=SIZES))

    assert [one.says for one in found] == ["rank@1 on vehicleid (large) is 72.5 %, above medium, 72.3 %"]


@pytest.mark.parametrize("values", [("75.2", "72.3", "67.7"), ("75.2", "72.3", "72.3"), ("75.2", "-", "76")])
def test_a_result_that_falls_or_stays_is_not(values):
    assert not findings("rises-with-gallery", of_one_row(*values, columns=SIZES))


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


def marked(*columns):
    return paper(table([AP, TOP1], row("BN+R", "60.9", "88.7"), row("RAM", "61.5", "88.6", marked=columns)))


def test_a_bold_value_that_is_not_the_highest_is_found():
    found = findings("marked-not-best", marked(1, 2))

    assert [one.says for one in found] == ["88.6 % is marked, though BN+R has 88.7 %"]


def test_a_bold_value_that_is_the_highest_is_not():
    assert not findings("marked-not-best", marked(1))


ROWS = [row("VAMI", "50.0", "77.0"), row("base", "60.0", "80.0", own=True), row("ours", "66.0", "76.0", own=True)]


def cell(row_number, column_number):
    return {"table": "1", "row": row_number, "column": column_number}


def claiming(kind, value="", **fields):
    claim = {"kind": kind, "where": "abstract", "says": "it is so", "value": value, **fields}
    return paper(table([AP, TOP1], *ROWS), claim=[claim])


@pytest.mark.parametrize(
    "claim",
    [
        claiming("value", "66.1", of=[cell(3, 1)]),
        claiming("mean", "62", of=[cell(2, 1), cell(3, 1)]),
        claiming("gain", "6.1", of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain", "6", relative=True, of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain", ">0", of=[cell(3, 2)], over=[cell(2, 2)]),
        claiming("gain", "1..2", of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain over the best", "30", relative=True, of=[cell(3, 1), cell(3, 2)]),
        claiming("best", of=[cell(3, 2)]),
        claiming("best", of=[cell(3, 2)], against="all", but=[1]),
        claiming("rises", of=[cell(1, 2), cell(2, 2), cell(3, 2)]),
        claiming("equal", of=[cell(2, 1), cell(2, 2)], over=[cell(3, 1), cell(2, 2)]),
    ],
    ids=lambda claim: f"{claim.claim[0].kind} {claim.claim[0].value}",
)
def test_a_claim_that_the_table_does_not_give_is_found(claim):
    found = findings("claim-fails", claim)

    assert len(found) == 1
    assert "abstract says: it is so" in found[0].says


@pytest.mark.parametrize(
    "claim",
    [
        claiming("value", "66", of=[cell(3, 1)]),
        claiming("mean", "63", of=[cell(2, 1), cell(3, 1)]),
        claiming("gain", "6.0", of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain", "10", relative=True, of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain", ">0", of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain", "5..7", of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain over the best", "32", relative=True, of=[cell(3, 1), cell(3, 2)]),
        claiming("best", of=[cell(3, 1)]),
        claiming("best", of=[cell(3, 2)], but=[1]),
        claiming("best", of=[cell(3, 1)], against="all"),
        claiming("rises", of=[cell(1, 1), cell(2, 1), cell(3, 1)]),
        claiming("rises", of=[cell(1, 1), cell(1, 1)]),
        claiming("equal", of=[cell(2, 1)], over=[cell(2, 1)]),
    ],
    ids=lambda claim: f"{claim.claim[0].kind} {claim.claim[0].value}",
)
def test_a_claim_that_the_table_gives_is_not(claim):
    assert not findings("claim-fails", claim)


def counting(dataset, **counts):
    return paper(table([AP], row("ours", "50")), count=[{"where": "section 4", "dataset": dataset, "counts": counts}])


def test_a_count_that_is_not_the_released_one_is_found():
    found = findings("miscounted", counting("veriwild", small_images=41816, medium_images=69389))

    assert [one.says for one in found] == ["veriwild: 41,816 small images; the released lists have 41,861"]


def test_parts_that_do_not_add_up_are_found():
    found = findings("miscounted", counting("vru", images=100, train_images=60, test_images=41))

    assert [one.severity for one in found] == ["warning", "error"]
    assert "do not add up" in found[1].says


def test_counts_that_agree_or_that_nobody_knows_are_not():
    assert not findings("miscounted", counting("veri776", train_images=37778, vehicles=776, cameras=20))
    assert not findings("miscounted", counting("vric", train_images=54808, test_images=5622, images=60430, cameras=60))


def test_a_count_of_documents_is_not_said_to_be_of_released_lists():
    found = findings("miscounted", counting("vru", train_vehicles=7086))

    assert [one.says for one in found] == ["vru: 7,086 train vehicles; the data set's own documents give 7,085"]


def test_a_count_that_nothing_confirms_is_found():
    found = findings("unchecked-count", counting("vric", cameras=60, images=60430))

    assert [(one.severity, one.says) for one in found] == [("note", "vric: nothing here confirms 60 cameras")]


@pytest.mark.parametrize(
    "documents",
    [
        [counting("veri776", cameras=20, train_images=37778)],
        [counting("vehicleid", images=221763, train_images=110178, test_images=111585)],
        [
            counting("vric", cameras=60),
            paper(
                table([AP], row("ours", "50")),
                name="another",
                count=[{"where": "section 4", "dataset": "vric", "counts": {"cameras": 60}}],
            ),
        ],
    ],
    ids=["released lists", "a sum", "another document"],
)
def test_a_count_that_can_be_checked_is_not(documents):
    assert not findings("unchecked-count", *documents)


def test_every_rule_is_silent_on_nothing():
    assert all(not findings(rule) for rule in RULES)
