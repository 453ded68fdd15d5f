"""The protocol of the synthetic data set: its reader, its tasks and its official counts."""

import shutil
from pathlib import Path

import pytest

from harness.errors import DataError
from harness.tasks.counts import counts
from protocols.synthetic import Synthetic
from protocols.synthetic.making import CAMERAS, SEED, VEHICLES
from protocols.synthetic.plan import Plan, plan_of
from protocols.synthetic.vehicle.vehicles import COLOUR_NAMES, fleet
from tests.protocols.synthetic.drawn_sets import LISTS, SEED_HERE, VEHICLES_HERE, child, names_of


def test_the_labels_agree_with_the_file_names_and_the_vehicles(root, dataset):
    vehicles = {vehicle.number: vehicle for vehicle in fleet(SEED_HERE, VEHICLES_HERE)}
    for split in ("train", "query", "gallery"):
        table = dataset.splits[split]
        for row, path in enumerate(table.paths):
            vehicle, camera, counter, _ = Path(path).name.split("_")
            drawn = vehicles[int(vehicle)]
            assert table.vehicle[row] == drawn.number
            assert table.camera[row] == int(camera[1:])
            assert table.time[row] == int(counter)
            assert table.names["colour"][int(table.colour[row])] == COLOUR_NAMES[drawn.design.colour]
            assert table.names["type"][int(table.type[row])] == drawn.design.body.type
            assert table.names["model"][int(table.model[row])] == drawn.design.body.name


def test_the_released_readers_find_nothing_to_remark(dataset):
    assert dataset.notes == ()
    assert dataset.unavailable == {}
    assert dataset.release == ""


def test_training_and_test_share_no_vehicle(dataset):
    assert not set(dataset.splits["train"].vehicle) & set(dataset.splits["gallery"].vehicle)


def test_the_counts_of_the_default_set_are_those_that_make_a_result_official():
    plan = plan_of(SEED, VEHICLES, CAMERAS)
    for task in Synthetic.tasks:
        assert dict(task.released) == planned_counts(plan, task.rule.unit), task.name
    frames = {"train": plan.frames(train=True), "query": plan.queries(), "gallery": plan.frames(train=False)}
    for split, of in frames.items():
        found = {"images": len(of), "vehicles": len({f.vehicle for f in of}), "cameras": len({f.camera for f in of})}
        assert found.items() <= Synthetic.released[split].items()


def planned_counts(plan: Plan, unit: str) -> dict[str, int]:
    """Return a task's counts from the plan of a set that nobody has drawn."""
    tracks = [track for track in plan.tracks if track.vehicle > plan.train]
    frames = [frame for track in tracks for frame in track.frames]
    positives = ignored = 0
    for query in plan.queries():
        for other in tracks if unit == "track" else frames:
            if other.vehicle == query.vehicle:
                positives += other.camera != query.camera
                ignored += other.camera == query.camera
    return {
        "queries": len(plan.queries()),
        "gallery images": len(frames),
        "gallery units": len(tracks if unit == "track" else frames),
        "vehicles": len({track.vehicle for track in tracks}),
        "positives": positives,
        "ignored": ignored,
    }


def test_planned_counts_are_those_of_the_set_once_drawn(dataset):
    plan = plan_of(SEED_HERE, VEHICLES_HERE, 8)
    for task in Synthetic.tasks:
        assert dict(counts(task, dataset)) == planned_counts(plan, task.rule.unit)


def test_a_set_without_its_boxes_and_models_still_serves_both_tasks(root, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    shutil.rmtree(copy / "boxes")
    (copy / "vehicle_model.txt").unlink()

    dataset = Synthetic().load(copy)

    assert dataset.boxes == {}
    assert dataset.splits["train"].model is None
    assert any("vehicle_model.txt is missing" in note for note in dataset.notes)


def test_a_model_list_with_a_line_that_fits_nothing_is_named_by_file_and_line(root, tmp_path):
    for name in [*LISTS, "list_model.txt"]:
        (tmp_path / name).write_bytes((root / name).read_bytes())
    lines = names_of(root, "vehicle_model.txt")
    (tmp_path / "vehicle_model.txt").write_text("\n".join([lines[0], "0002 99", "three"]) + "\n")

    with pytest.raises(DataError, match=r"(?s)vehicle_model.txt:3: 'three' .*vehicle_model.txt:2: model 99"):
        Synthetic().load(tmp_path)


def test_importing_the_protocol_imports_neither_torch_nor_pillow():
    process = child("import sys", "print(sorted({'torch', 'PIL', 'pandas', 'h5py'} & set(sys.modules)))")

    assert process.communicate(timeout=30)[0].split() == [b"[]"]
