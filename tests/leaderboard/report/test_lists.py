"""The lists of a page, compared with a slow literal ranking of the same features."""

import numpy as np
import pytest

from harness.registry.registry import load
from harness.scoring.record import read_record
from leaderboard.report import closeness
from leaderboard.report.lists import rank_lists
from leaderboard.report.source import open_run
from tests.leaderboard.report.places import CAMERAS, bench_report, content_of, features_of, write_run

TWIN = {0: 1, 1: 0, 2: 3, 3: 2}


def tables(place):
    """Return the keys, features, vehicles and cameras of queries and gallery."""
    keys, features = features_of(place, seed=0)
    rows = [line.split() for line in (place / "data" / "list.txt").read_text().splitlines()]
    queries = sum(row[0] == "query" for row in rows)
    vehicle, camera = (np.array([int(row[number]) for row in rows]) for number in (2, 3))
    features = features.astype(np.float64)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return queries, keys, features, vehicle, camera


def test_a_list_holds_the_twenty_nearest_with_their_marks_and_the_ranks_of_all_right_answers(reported):
    queries, keys, features, vehicle, camera = tables(reported)
    content = content_of(reported)
    shown = [image[0] for image in content["images"]]

    assert [query[0] for query in content["queries"]] == keys[:queries]
    assert content["measures"] == ["CMC@1"]
    for row, (average, images, letters, similarity, ranks, _, further) in enumerate(content["lists"][0]):
        close = features[queries:] @ features[row]
        order = np.argsort(-close)
        own = vehicle[queries:][order] == vehicle[row]
        gone = own & (camera[queries:][order] == camera[row])
        expected = np.where(gone, "i", np.where(own, "r", "w"))
        place = np.cumsum(~gone)
        assert [shown[image] for image in images] == [keys[queries + unit] for unit in order[:20]]
        assert letters == "".join(expected[:20])
        assert similarity == pytest.approx(close[order[:20]], abs=1e-4)
        assert ranks == place[expected == "r"].tolist()
        assert average == pytest.approx(np.mean(np.arange(1, len(ranks) + 1) / ranks), abs=1e-6)
        assert further == [float(ranks[0] == 1)]


def test_near_duplicates_ahead_of_the_nearest_right_answer_are_counted(reported):
    queries, _, features, vehicle, camera = tables(reported)
    found = [answer[5] for answer in content_of(reported)["lists"][0]]

    expected = []
    for row in range(queries):
        close = features[queries:] @ features[row]
        own = (vehicle[queries:] == vehicle[row]) & (camera[queries:] != camera[row])
        twins = vehicle[queries:] == TWIN.get(vehicle[row], -1)
        expected.append(int((close[twins] > close[own].max()).sum()))
    assert found == expected
    assert any(found)


def test_a_track_is_shown_by_its_nearest_image(reported):
    queries, keys, features, vehicle, camera = tables(reported)
    content = content_of(reported, "tracks")
    track = vehicle[queries:] * CAMERAS + camera[queries:]
    shown = [image[0] for image in content["images"]]

    assert content["tracks"]
    for row, (_, images, letters, similarity, *_) in enumerate(content["lists"][0]):
        close = features[queries:] @ features[row]
        best = sorted(set(track.tolist()), key=lambda one: -close[track == one].max())[:20]
        nearest = [int(np.flatnonzero(track == one)[np.argmax(close[track == one])]) for one in best]
        assert [shown[image] for image in images] == [keys[queries + unit] for unit in nearest]
        assert similarity == pytest.approx(close[nearest], abs=1e-4)
        assert letters.count("i") <= 1
    assert {image[6] for image in content["images"]} == {3}


def test_one_draw_is_shown_alone(reported):
    content = content_of(reported, "drawn")
    record = read_record(reported / "run" / "record-listed-drawn-cosine.json")
    average = np.mean([answer[0] for answer in content["lists"][0]])
    page = (reported / "drawn" / "index.html").read_text()

    assert len(content["queries"]) == 96 - 8
    assert {len(answer[1]) for answer in content["lists"][0]} == {8}  # the gallery is one image a vehicle
    assert {len(answer[4]) for answer in content["lists"][0]} == {1}
    assert average == pytest.approx(record.per_draw["ap"][1], abs=1e-6)
    assert "draw 2 of 3" in page
    assert f"{100 * record.measures['ap']:.2f} ± {100 * record.deviations['ap']:.2f}" in page


def test_the_orders_begin_with_the_worst_the_best_and_random_ones(reported):
    content = content_of(reported)
    scores = [answer[0] for answer in content["lists"][0]]
    orders = content["orders"]

    assert [scores[number] for number in orders["worst"]] == sorted(scores)
    assert [scores[number] for number in orders["best"]] == sorted(scores, reverse=True)
    assert orders["list"] == list(range(24)) != orders["random"]
    assert sorted(orders["random"]) == orders["list"]


def rank_lists_of(place, task, run="run"):
    registry = load([place / "plugin.py"])
    with open_run(place / run, registry, task=f"listed/{task}", data=place / "data") as opened:
        return rank_lists(opened, registry)


def in_falling_order(ranks, closeness):
    """Return whether the positives of every query are from the nearest to the farthest."""
    edges = zip(ranks.asked, ranks.starts[:-1], ranks.starts[1:], strict=True)
    return all((np.diff(closeness(query, ranks.units[start:end])) < 0).all() for query, start, end in edges)


def test_right_answers_without_a_wrong_one_between_them_are_in_order_of_nearness(reported):
    queries, _, features, *_ = tables(reported)
    ranks = rank_lists_of(reported, "images").ranks

    assert ((np.diff(ranks.closer) == 0) & (ranks.closer[1:] > 0)).any()
    assert in_falling_order(ranks, lambda query, units: features[queries:][units] @ features[query])


def test_they_are_by_distance_too_and_by_the_mean_feature_of_tracks(place):
    write_run(place, "far", seed=0, metric="euclidean")
    queries, _, _, vehicle, camera = tables(place)
    features = features_of(place, 0)[1].astype(np.float64)
    track = vehicle[queries:] * CAMERAS + camera[queries:]
    means = np.stack([features[queries:][track == one].mean(axis=0) for one in np.unique(track)])
    images, tracks = rank_lists_of(place, "images", "far"), rank_lists_of(place, "means", "far")

    assert in_falling_order(
        images.ranks, lambda query, units: -((features[queries:][units] - features[query]) ** 2).sum(axis=1)
    )
    assert in_falling_order(tracks.ranks, lambda query, units: -((means[units] - features[query]) ** 2).sum(axis=1))
    assert (tracks.images == tracks.units.first[tracks.nearest]).all()


def test_features_that_do_not_fit_into_memory_give_the_same_page(reported, monkeypatch):
    monkeypatch.setattr(closeness, "IN_MEMORY", 0)
    assert bench_report(reported, "run", "--task", "listed/tracks", out="read").exit_code == 0

    assert (reported / "read" / "index.html").read_bytes() == (reported / "tracks" / "index.html").read_bytes()
