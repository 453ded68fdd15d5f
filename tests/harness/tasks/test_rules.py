import hashlib
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN
from harness.errors import DataError
from harness.tasks.counts import counts, differences
from harness.tasks.draws import one_of_each
from harness.tasks.relevance import RowLists, matching
from harness.tasks.rules import relevance
from harness.tasks.task import Draws, Rule, Task
from tests.tables import dataset, drawn_problems, fixed_problems, table, task

CAMERA_RULE = Rule(ignore=("same vehicle and camera",))


def literal_lists(asked: Task, data: Dataset) -> list[tuple[list[int], list[int]]]:
    """Return positives and ignored units of every query, by looking at every pair of images."""
    query, gallery = data.splits[asked.query], data.splits[asked.gallery]
    by_track = asked.rule.unit == "track"
    numbers = sorted(set(gallery.track.tolist())) if by_track else list(range(len(gallery)))
    lists = []
    for q in range(len(query)):
        positives, ignored = set(), set()
        for g in range(len(gallery)):
            unit = numbers.index(gallery.track[g]) if by_track else g
            same_vehicle = query.vehicle[q] == gallery.vehicle[g]
            same_camera = "camera" in " ".join(asked.rule.ignore) and query.camera[q] == gallery.camera[g]
            same_image = query.paths[q] == gallery.paths[g]
            if (
                ("same image" in asked.rule.ignore and same_image)
                or ("same vehicle and camera" in asked.rule.ignore and same_vehicle and same_camera)
                or ("same camera" in asked.rule.ignore and same_camera)
            ):
                ignored.add(unit)
            elif same_vehicle:
                positives.add(unit)
        lists.append((sorted(positives - ignored), sorted(ignored)))
    return lists


@given(fixed_problems())
def test_positives_and_ignored_are_those_of_a_look_at_every_pair(problem):
    found = relevance(*problem)

    assert found.queries == len(found.positives.starts) - 1 == len(found.ignored.starts) - 1
    assert [
        (found.positives.of(query).tolist(), found.ignored.of(query).tolist()) for query in range(found.queries)
    ] == literal_lists(*problem)


@given(fixed_problems())
def test_counts_are_the_sums_over_every_pair(problem):
    asked, data = problem
    lists = literal_lists(asked, data)
    query, gallery = data.splits["query"], data.splits["gallery"]

    assert counts(asked, data) == {
        "queries": len(query),
        "gallery images": len(gallery),
        "gallery units": len(set(gallery.track.tolist())) if asked.rule.unit == "track" else len(gallery),
        "vehicles": len(set(query.vehicle.tolist())),
        "positives": sum(len(positives) for positives, _ in lists),
        "ignored": sum(len(ignored) for _, ignored in lists),
    }


def test_a_track_is_one_unit_and_knows_its_images():
    gallery = table([1, 2, 1, 1], [0, 0, 1, 1], track=[7, 3, 5, 5])
    found = relevance(task(Rule(unit="track", ignore=("same vehicle and camera",))), dataset(table([1], [0]), gallery))

    assert found.units == 3
    assert found.unit_of.tolist() == [2, 0, 1, 1]
    assert found.positives.of(0).tolist() == [1]
    assert found.ignored.of(0).tolist() == [2]


def test_a_track_that_holds_the_query_image_is_ignored_whichever_image_that_is():
    gallery = table([1, 2, 1, 1], track=[7, 3, 5, 7], paths=list("abcd"))
    query = table([1, 1, 1], paths=["a", "c", "e"])

    found = relevance(task(Rule(unit="track", ignore=("same image",))), dataset(query, gallery))

    assert [found.ignored.of(row).tolist() for row in range(3)] == [[2], [1], []]
    assert [found.positives.of(row).tolist() for row in range(3)] == [[1], [2], [1, 2]]


@given(drawn_problems())
def test_every_draw_takes_one_image_of_each_vehicle_and_asks_or_searches_the_others(problem):
    asked, data = problem
    vehicle = data.splits["test"].vehicle
    found = relevance(asked, data)

    assert len(found.draws) == asked.rule.draws.count
    for draw in found.draws:
        drawn, others = (
            (draw.units, draw.queries) if asked.rule.draws.drawn == "gallery" else (draw.queries, draw.units)
        )
        assert sorted(vehicle[drawn].tolist()) == sorted(set(vehicle.tolist()))
        assert sorted([*drawn, *others]) == list(range(len(vehicle)))
        assert (np.diff(drawn) > 0).all()
        assert (np.diff(others) > 0).all()


@given(drawn_problems())
def test_the_counts_of_a_drawing_task_are_those_of_one_draw(problem):
    asked, data = problem
    images, vehicles = len(data.splits["test"]), len(set(data.splits["test"].vehicle.tolist()))
    gallery = vehicles if asked.rule.draws.drawn == "gallery" else images - vehicles

    assert counts(asked, data) == {
        "queries": images - gallery,
        "gallery images": gallery,
        "gallery units": gallery,
        "vehicles": vehicles,
        "positives": images - vehicles,
        "ignored": 0,
    }


def test_a_draw_is_the_least_hash_of_seed_vehicle_and_path():
    images = table([4, 9, 4, 9, 4], paths=list("abcde"))
    expected = []
    for rows in ([0, 2, 4], [1, 3]):
        names = {row: f"7/{images.vehicle[row]}/{images.paths[row]}" for row in rows}
        expected.append(min(rows, key=lambda row: hashlib.sha256(names[row].encode()).digest()))

    assert one_of_each(images, range(7, 8))[0].tolist() == sorted(expected)


def test_a_draw_never_changes():
    """These rows were drawn when the definition was made; a change moves every published digit."""
    images = table([number // 4 for number in range(24)])

    assert [rows.tolist() for rows in one_of_each(images, range(2))] == [[3, 4, 8, 14, 19, 20], [3, 7, 11, 14, 17, 20]]


@given(drawn_problems())
def test_a_draw_does_not_depend_on_the_order_of_the_list(problem):
    images = problem[1].splits["test"]
    turned = images.take(np.arange(len(images))[::-1])
    for rows, others in zip(one_of_each(images, range(3)), one_of_each(turned, range(3)), strict=True):
        assert {images.paths[row] for row in rows} == {turned.paths[row] for row in others}


def test_each_image_of_a_vehicle_is_drawn_about_as_often():
    times = np.zeros(5, dtype=int)
    for rows in one_of_each(table([1, 1, 1, 1, 1]), range(1000)):
        times[rows] += 1

    assert times.min() > 150  # of 1000 draws among 5 images; chance gives fewer in 1 of 60,000 tries


def test_a_vehicle_with_one_image_cannot_be_drawn_from():
    with pytest.raises(DataError, match=r"2 vehicles have one image only(.|\n)*found: vehicles 3, 8"):
        relevance(task(Rule(draws=Draws())), dataset(table([1, 3, 1, 8])))


def test_a_rule_that_draws_needs_one_split():
    both = dataset(table([1, 1]), table([1, 1]))
    with pytest.raises(DataError, match="need single images of one split"):
        relevance(Task("task", Rule(draws=Draws()), ("ap",)), both)


@pytest.mark.parametrize("camera", [None, [0, UNKNOWN]])
def test_the_camera_rule_without_cameras_is_refused_in_words(camera):
    with pytest.raises(DataError, match=r"ignores by camera, and cameras are unknown(.|\n)*of 'gallery' without"):
        relevance(task(CAMERA_RULE), dataset(table([1], [0]), table([1, 1], camera)))


def test_without_a_camera_rule_nobody_asks_for_cameras():
    found = relevance(task(Rule()), dataset(table([1]), table([1, 2])))

    assert found.positives.of(0).tolist() == [0]
    assert found.ignored.of(0).tolist() == []


def test_ranking_tracks_needs_a_track_of_every_gallery_image():
    rule = Rule(unit="track")
    for track in (None, [0, UNKNOWN]):
        with pytest.raises(DataError, match="ranks tracks, and tracks are unknown"):
            relevance(task(rule), dataset(table([1]), table([1, 1], track=track)))


def test_a_track_of_two_vehicles_or_two_cameras_is_refused():
    with pytest.raises(DataError, match=r"1 tracks have more than one vehicle(.|\n)*tracks 4"):
        relevance(task(Rule(unit="track")), dataset(table([1]), table([1, 2, 1], track=[4, 4, 5])))
    gallery = table([1, 1], [0, 1], track=[4, 4])
    with pytest.raises(DataError, match="1 tracks have more than one camera"):
        relevance(task(Rule(unit="track", ignore=("same camera",))), dataset(table([1], [0]), gallery))


def test_a_split_that_is_missing_or_empty_is_named():
    with pytest.raises(DataError, match="no images for the split 'gallery'"):
        relevance(task(Rule()), Dataset(table([1]), {"query": table([1])}))
    with pytest.raises(DataError, match="the split 'gallery' has no images"):
        relevance(task(Rule()), dataset(table([1]), table([])))


def test_a_result_is_official_only_where_every_released_count_agrees():
    data = dataset(table([1, 1], [0, 1]), table([1, 2], [1, 1]))
    released = {"queries": 2, "positives": 1, "ignored": 1}

    assert differences(task(CAMERA_RULE, released=released), data) == ()
    assert differences(task(CAMERA_RULE, released={**released, "positives": 3}), data) == ("positives: 1 instead of 3",)
    assert differences(task(CAMERA_RULE, released={"cars": 1}), data) == ("cars: unknown instead of 1",)
    assert differences(task(CAMERA_RULE), data) == ("the task has no released counts to compare with",)


def test_lists_of_nothing_are_empty_lists():
    found = matching(np.array([5, 6]), np.array([1, 1]))

    assert found.starts.tolist() == [0, 0, 0]
    assert found.union(RowLists(np.array([0, 1, 1]), np.array([1])), 2).of(0).tolist() == [1]


def test_the_size_of_veri_wild_large_takes_little_time_and_memory():
    random = np.random.default_rng(0)
    query = table(np.arange(10_000), random.integers(0, 174, 10_000))
    gallery = table(random.integers(0, 10_000, 128_517), random.integers(0, 174, 128_517))
    data = dataset(query, gallery)
    tracemalloc.start()
    begun = time.perf_counter()
    found = relevance(task(CAMERA_RULE), data)
    taken = time.perf_counter() - begun
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(found.positives.units) + len(found.ignored.units) == 128_517
    assert taken < 2
    assert peak < 50_000_000
