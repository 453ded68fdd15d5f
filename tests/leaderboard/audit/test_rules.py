"""Each rule has a table that it must catch and one that it must not."""

from pathlib import Path

import pytest

from leaderboard.audit.rules import RULES
from tests.made_up import column, library, paper, row, table

AP, TOP1, TOP5 = column("ap"), column("rank@1"), column("rank@5")
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


def test_every_rule_is_silent_on_nothing():
    assert all(not findings(rule) for rule in RULES)


def test_every_rule_is_on_the_page_about_the_audit_and_no_other():
    page = (Path(__file__).parents[3] / "docs/audit.md").read_text(encoding="utf-8")

    assert [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")] == sorted(RULES)
