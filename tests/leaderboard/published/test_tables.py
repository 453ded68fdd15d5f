from leaderboard.published.library import load_library
from leaderboard.published.tables import published_tables
from tests.made_up import column, library, paper, row, table

AP, TOP1, TOP5 = column("ap"), column("rank@1"), column("rank@5")
TRACK_AP = column("ap", task="image-to-track")


def tables(*documents):
    return {found.name: found for found in published_tables(library(*documents))}


def test_a_number_without_a_task_never_stands_with_one_that_has_one():
    found = tables(paper(table([AP], row("RAM", "61.5")), table([TRACK_AP], row("FACT", "18.5"))))

    assert sorted(found) == ["veri776 (rule not stated)", "veri776/image-to-track"]
    assert [row.row.method for row in found["veri776/image-to-track"].rows] == ["FACT"]
    assert not found["veri776 (rule not stated)"].stated


def test_the_same_values_in_two_places_are_one_row_with_two_sources():
    one = paper(table([AP, TOP1], row("RAM", "61.5", "88.6")))
    other = paper(table([AP], row("RAM", "61.5")), name="another")

    [merged] = tables(one, other)["veri776 (rule not stated)"].rows
    assert merged.sources == ["a-paper, table 1", "another, table 1"]
    assert {measure: number.shown for measure, number in merged.numbers.items()} == {"ap": "61.5", "rank@1": "88.6"}


def test_other_values_or_another_setting_are_a_row_of_their_own():
    document = paper(
        table([AP], row("RAM", "61.5")),
        table([AP], row("RAM", "61.4")),
        table([AP], row("RAM", "61.5", input_size=448)),
        table([AP], row("RAM", "61.5", input_size=224)),
        table([AP], row("RAM", "61.5", train_on="vru")),
    )

    rows = tables(document)["veri776 (rule not stated)"].rows
    assert sorted(
        (row.numbers["ap"].shown, row.row.input_size, row.row.train_on) for row in rows if row.row.input_size
    ) == [
        ("61.5", 224, ""),
        ("61.5", 448, ""),
    ]
    assert len(rows) == 4


def test_the_value_with_the_most_digits_is_kept_whichever_comes_first():
    short = paper(table([AP, TOP1], row("VAMI", "50.1", "77.0")))
    long = paper(table([AP, TOP1, TOP5], row("VAMI", "50.13", "77.03", "90.82")), name="another")

    for documents in ((short, long), (long, short)):
        [merged] = tables(*documents)["veri776 (rule not stated)"].rows
        assert [number.shown for number in merged.numbers.values()] == ["50.13", "77.03", "90.82"]
        assert len(merged.sources) == 2
        assert len(merged.printed) == 5


def test_two_metrics_with_the_same_values_are_one_row_and_with_others_are_two():
    same = [row("cosine", "77.57", metric="cosine"), row("Euclidean", "77.57", metric="euclidean")]
    other = [row("cosine", "77.57", metric="cosine"), row("Euclidean", "77.58", metric="euclidean")]
    rows = [
        tables(paper(table([AP], *({**one, "method": "ours"} for one in some))))["veri776 (rule not stated)"].rows
        for some in (same, other)
    ]

    assert [len(some) for some in rows] == [1, 2]
    assert rows[0][0].metrics == ("cosine", "euclidean")
    assert rows[0][0].names == ("cosine", "Euclidean")
    assert rows[0][0].row.metric == ""
    assert [row.row.metric for row in rows[1]] == ["euclidean", "cosine"]


def test_measures_of_two_documents_are_not_put_together_without_a_common_value():
    one, other = paper(table([AP], row("RAM", "61.5"))), paper(table([TOP1], row("RAM", "88.6")), name="another")

    assert len(tables(one, other)["veri776 (rule not stated)"].rows) == 2


def test_supervision_that_any_document_states_is_that_of_every_row_of_the_method():
    own = paper(table([AP], row("ram", "61.5", own=True, supervision=["colour", "model"])))
    quoted = paper(table([TRACK_AP], row("ram", "50.0")), name="another")

    [found] = tables(own, quoted)["veri776/image-to-track"].rows
    assert found.row.supervision == ("colour", "model")


def test_what_documents_say_about_the_rule_is_at_hand():
    [found] = tables(paper(table([column("ap", convention="as in reference 9")], row("RAM", "61.5"))))[
        "veri776 (rule not stated)"
    ].rows

    assert found.conventions == ("as in reference 9",)


def test_no_row_of_the_transcribed_documents_repeats_another():
    for found in published_tables(load_library()):
        keys = [
            (
                row.row.method_name,
                row.row.train_on,
                row.row.epochs,
                tuple(number.value for number in row.numbers.values()),
            )
            for row in found.rows
        ]
        assert len(set(keys)) == len(keys), found.name


def test_a_correction_is_shown_with_what_is_printed():
    broken = row("FACT", "(.2", corrections=[{"column": 1, "value": "18.2", "reason": "a smudge"}])
    [merged] = tables(paper(table([AP], broken)))["veri776 (rule not stated)"].rows

    assert merged.numbers["ap"].shown == "18.2"
    assert merged.notes == "mAP is printed as (.2: a smudge"


def test_tasks_have_the_harness_words():
    large = column("rank@1", "vehicleid", subset="large", task="drawn gallery")
    free = column("rank@1", "veriwild", subset="small", task="no camera rule")
    unknown = column("rank@1", "vehicleid", subset="not stated", task="drawn gallery")

    names = tables(
        *(paper(table([one], row("RAM", "50")), name=f"p{n}") for n, one in enumerate((large, free, unknown)))
    )
    assert sorted(names) == ["vehicleid (test set not stated)", "vehicleid/large", "veriwild/small+no-camera-rule"]


def test_every_published_number_is_in_a_table():
    shown = {
        number.cell: (row.numbers[number.column.measure], row.sources)
        for found in published_tables(load_library())
        for row in found.rows
        for number in row.printed
    }

    for number in load_library().numbers:
        kept, sources = shown[number.cell]
        assert kept.agrees_with(number), number.where
        assert kept.step <= number.step, number.where
        assert f"{number.document}, table {number.table.number}" in sources, number.where


def test_the_words_of_stated_tasks_are_tasks_that_the_harness_has():
    from harness.registry.registry import load as load_plugins

    registry = load_plugins()
    for dataset in load_library().datasets.values():
        for task in dataset.tasks.values():
            for subset in set(dataset.subsets) - {"not stated"}:
                _, tasks = registry.tasks(task.format(subset=subset))
                assert len(tasks) == 1
