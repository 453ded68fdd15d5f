from leaderboard.published.library import load_library
from leaderboard.published.tables import published_tables
from tests.made_up import column, library, paper, row, table

AP, TOP1 = column("ap"), column("rank@1")
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
    )

    assert len(tables(document)["veri776 (rule not stated)"].rows) == 3


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
        (source, row.row.method_name, measure, number.value)
        for found in published_tables(load_library())
        for row in found.rows
        for measure, number in row.numbers.items()
        for source in row.sources
    }

    for number in load_library().numbers:
        source = f"{number.document}, table {number.table.number}"
        assert (source, number.row.method_name, number.column.measure, number.value) in shown, number.where


def test_the_words_of_stated_tasks_are_tasks_that_the_harness_has():
    from harness.registry.registry import load as load_plugins

    registry = load_plugins()
    for dataset in load_library().datasets.values():
        for task in dataset.tasks.values():
            for subset in set(dataset.subsets) - {"not stated"}:
                _, tasks = registry.tasks(task.format(subset=subset))
                assert len(tasks) == 1
