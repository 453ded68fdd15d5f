from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.errors import DataError
from harness.tasks.rules import relevance
from harness.tasks.task import Rule, Task
from harness.tuning.vehicles import Selected, as_task, share_of

CAMERA_RULE = Task("image-to-image", Rule(ignore=("same vehicle and camera",)), ("ap", "cmc@1"))


def table(name, vehicles=12, images=6, cameras=3):
    rows = np.arange(vehicles * images)
    return ImageTable(tuple(f"{name}/{row}.jpg" for row in rows), rows // images, camera=rows % cameras)


def dataset(**splits):
    return Dataset(
        Path("data"), {"train": table("train"), "query": table("query"), "gallery": table("gallery")} | splits
    )


def selected(data, share=0.5):
    return share_of(data, "train", share, 0, seen="no")


def test_a_share_of_the_vehicles_follows_the_seed_and_brings_all_their_images():
    data = dataset()
    one, same, other = (share_of(data, "train", 0.25, seed, seen="no") for seed in (1, 1, 2))
    assert one.table.paths == same.table.paths != other.table.paths
    assert len(np.unique(one.table.vehicle)) == 3
    assert len(one.table) == 18


def test_queries_are_one_image_of_each_vehicle_and_camera_and_the_others_are_the_gallery():
    data = dataset()
    task, held, about = as_task(selected(data), CAMERA_RULE, data, 0)
    query, gallery = held.split("query"), held.split("gallery")
    pairs = np.stack([query.vehicle, query.camera], axis=1)
    assert len(np.unique(pairs, axis=0)) == len(query) == about.queries == 18
    assert not {*query.paths} & {*gallery.paths}
    assert len(gallery) == about.gallery == 18
    assert task.rule.ignore == ("same vehicle and camera",)
    assert "one image of each vehicle and camera" in about.rule


def test_queries_are_in_the_gallery_where_the_task_has_them_there():
    shared = table("gallery")
    data = dataset(query=shared.take(np.arange(10)), gallery=shared)
    _, held, about = as_task(selected(data), CAMERA_RULE, data, 0)
    assert {*held.split("query").paths} < {*held.split("gallery").paths}
    assert about.gallery == 36


def test_without_cameras_a_vehicle_asks_once_and_its_own_image_is_ignored():
    shared = replace(table("gallery"), camera=None)
    data = dataset(train=replace(table("train"), camera=None), query=shared, gallery=shared)
    task, held, about = as_task(selected(data), CAMERA_RULE, data, 0)
    assert about.queries == 6
    assert task.rule.ignore == ("same image",)
    assert (relevance(task, held).positives.sizes == 5).all()


def test_the_draw_of_the_queries_does_not_depend_on_the_order_of_the_rows():
    data = dataset()
    turned = dataset(train=table("train").take(np.arange(72)[::-1]))
    one, other = ({*as_task(selected(one), CAMERA_RULE, one, 0)[1].split("query").paths} for one in (data, turned))
    assert one == other


def test_vehicles_of_a_single_camera_have_no_right_answer():
    data = dataset(train=table("train", cameras=1))
    with pytest.raises(DataError, match="no query of the held-out vehicles has a right answer"):
        as_task(selected(data), CAMERA_RULE, data, 0)


def test_too_few_vehicles_are_refused():
    data = dataset(train=table("train", vehicles=3))
    with pytest.raises(DataError, match="too few vehicles"):
        selected(data)


def test_images_of_nobody_are_left_out():
    known = table("train")
    vehicle = known.vehicle.copy()
    vehicle[:10] = -1
    data = dataset(train=replace(known, vehicle=vehicle))
    assert (share_of(data, "train", 1.0, 0, seen="no").table.vehicle >= 0).all()


def test_what_is_said_of_the_selection_is_kept():
    data = dataset()
    about = as_task(Selected(table("train"), "train", "all of them", "yes"), CAMERA_RULE, data, 3)[2]
    assert (about.how, about.seen, about.split, about.vehicles) == ("all of them", "yes", "train", 12)
