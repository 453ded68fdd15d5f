from dataclasses import replace

import pytest

from harness.errors import DataError, UsageError
from harness.scoring.comparison import compare, comparison_table
from harness.tasks.conventions import serve, unavailable, with_conventions
from harness.tasks.counts import differences
from harness.tasks.task import Convention, Rule, Task
from tests.harness.tasks.test_fingerprint import Small
from tests.tables import dataset, table

CAMERA_RULE = Rule(ignore=("same vehicle and camera",))
TASK = Task(
    "main",
    CAMERA_RULE,
    ("ap", "cmc@1"),
    released={"queries": 1},
    about="the official one",
    conventions={
        "trapezoid-ap": Convention("trapezoids", measures={"ap": "ap_trapezoid"}, source="old code"),
        "no-camera-rule": Convention("nothing is ignored", rule=Rule()),
        "other-way": Convention("the gallery asks", query="gallery", gallery="query"),
    },
)


def test_a_convention_changes_one_thing_and_is_named_everywhere():
    trapezoid, plain, other = (TASK.under(name) for name in TASK.conventions)

    assert (trapezoid.name, trapezoid.official_name, trapezoid.convention) == (
        "main+trapezoid-ap",
        "main",
        "trapezoid-ap",
    )
    assert trapezoid.measures == ("ap_trapezoid", "cmc@1")
    assert trapezoid.rule == TASK.rule
    assert (plain.rule, plain.measures) == (Rule(), TASK.measures)
    assert (other.query, other.gallery, other.rule) == ("gallery", "query", TASK.rule)
    assert (trapezoid.about, trapezoid.source) == ("trapezoids", "old code")


def test_a_convention_of_a_convention_and_an_unknown_one_do_not_exist():
    with pytest.raises(UsageError, match=r"unknown convention of main 'trapezoid'; did you mean 'trapezoid-ap'"):
        TASK.under("trapezoid")
    with pytest.raises(UsageError, match="unknown convention"):
        TASK.under("trapezoid-ap").under("no-camera-rule")


def test_a_protocol_selects_a_task_under_a_convention_by_its_name():
    class Named(Small):
        tasks = (TASK,)

    assert Named().select("main+no-camera-rule") == (TASK.under("no-camera-rule"),)
    assert Named().select("main") == (TASK,)
    with pytest.raises(UsageError, match="unknown convention of main 'nothing'"):
        Named().select("main+nothing")
    with pytest.raises(UsageError, match="unknown task of small 'maim'; did you mean 'main'"):
        Named().select("maim+nothing")


def test_a_number_under_a_convention_is_never_official():
    data = dataset(table([1], [0]), table([1], [1]))

    assert differences(TASK, data) == ()
    for name in TASK.conventions:
        assert differences(TASK.under(name), data) == (
            f"the task is asked under the convention '{name}', not its official rule",
        )


def test_tasks_are_listed_with_all_their_conventions_or_those_named():
    plain = replace(TASK, name="plain", conventions={})

    assert [task.name for task in with_conventions([TASK, plain], ["all"])] == [
        "main",
        "main+trapezoid-ap",
        "main+no-camera-rule",
        "main+other-way",
        "plain",
    ]
    assert [task.name for task in with_conventions([TASK, plain], ["other-way"])] == ["main", "main+other-way", "plain"]
    assert with_conventions([TASK], []) == [TASK]
    with pytest.raises(UsageError, match="unknown convention 'other'; did you mean 'other-way'"):
        with_conventions([TASK, plain], ["other"])


def test_without_cameras_a_task_is_served_under_the_convention_that_needs_none():
    data = dataset(table([1]), table([1]))
    served, lost = serve([TASK], data)

    assert served == [TASK.under("no-camera-rule")]
    assert "ignores by camera, and cameras are unknown" in str(lost["main"])
    assert serve(with_conventions([TASK], ["all"]), data)[0] == [TASK.under("no-camera-rule")]


def test_a_task_that_a_copy_cannot_serve_is_left_out_with_its_reason():
    reason = DataError("no list")
    data = replace(dataset(table([1], [0]), table([1], [1])), unavailable={"main": reason})

    assert serve([TASK, TASK.under("trapezoid-ap")], data) == ([], {"main": reason, "main+trapezoid-ap": reason})
    assert "no images for the split" in str(unavailable(replace(TASK, name="other", query="nowhere"), data))


def test_served_tasks_stay_as_they_are():
    data = dataset(table([1], [0]), table([1], [1]))
    tasks = with_conventions([TASK], ["all"])

    assert serve(tasks, data) == (tasks, {})


def test_each_convention_is_compared_with_the_official_number_measure_by_measure():
    tasks = with_conventions([TASK], ["trapezoid-ap", "no-camera-rule"])
    rows = compare(
        tasks,
        {
            "main": {"ap": 0.5, "cmc@1": 0.75},
            "main+trapezoid-ap": {"ap_trapezoid": 0.25, "cmc@1": 0.75},
            "main+no-camera-rule": {"ap": 1.0, "cmc@1": 1.0},
        },
    )

    assert [(row.task, row.convention, row.values, row.differences) for row in rows] == [
        ("main", "", {"ap": 0.5, "cmc@1": 0.75}, {"ap": 0.0, "cmc@1": 0.0}),
        ("main", "trapezoid-ap", {"ap": 0.25, "cmc@1": 0.75}, {"ap": -0.25, "cmc@1": 0.0}),
        ("main", "no-camera-rule", {"ap": 1.0, "cmc@1": 1.0}, {"ap": 0.5, "cmc@1": 0.25}),
    ]
    assert rows[1].about == "trapezoids"


def test_without_the_official_number_there_is_no_difference():
    rows = compare([TASK, TASK.under("no-camera-rule")], {"main+no-camera-rule": {"ap": 1.0, "cmc@1": 1.0}})

    assert [(row.convention, row.values["ap"], row.differences) for row in rows] == [("no-camera-rule", 1.0, {})]


def test_comparisons_stand_in_one_table_with_their_differences_in_points():
    tracks = Task("tracks", Rule(unit="track"), ("hit@1",), conventions={"a|b": Convention("other <way>", rule=Rule())})
    tasks = with_conventions([TASK, tracks], ["trapezoid-ap", "a|b"])
    means = {
        "main": {"ap": 0.5, "cmc@1": 0.75},
        "main+trapezoid-ap": {"ap_trapezoid": 0.25, "cmc@1": 0.75},
        "tracks": {"hit@1": 0.1},
        "tracks+a|b": {"hit@1": 0.125},
    }
    lines = [
        [cell.strip() for cell in line.split(" | ")] for line in comparison_table(compare(tasks, means)).splitlines()
    ]

    assert lines[0] == ["| task", "reported as", "mAP", "CMC@1", "HIT@1", "what it changes   |"]
    assert lines[2][:5] == ["| main", "official rule", "50.00", "75.00", ""]
    assert lines[3][:5] == ["| main", "trapezoid-ap", "25.00 (-25.00)", "75.00 (+0.00)", ""]
    assert lines[5] == ["| tracks", "a|b", "", "", "12.50 (+2.50)", "other <way>       |"]
