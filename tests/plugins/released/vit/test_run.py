"""Released transformers from the file to the record, with the command; what a protocol lacks is one message."""

import json
import shutil

import pytest
import torch
from click.testing import CliRunner

from harness.cli import main
from harness.data.pictures import decode
from harness.features import FeatureFile
from harness.methods.method import create
from harness.scoring.record import read_record
from tests.plugins.released.vit.made import TransReID, clip_vit, transreid


@pytest.fixture
def run(tmp_path, monkeypatch, small_synthetic):
    """Write a file of weights, and return a function that scores it and returns its records, or the message."""
    monkeypatch.chdir(tmp_path)

    def score(state, *sets, method="transreid", protocol="synthetic", data=small_synthetic):
        torch.save(state, "w.pth")
        words = [word for one in ("weights=w.pth", "trained_size=64", *sets) for word in ("--set", one)]
        where = ["--data", str(data)] if data else []
        done = CliRunner().invoke(main, ["run", "--method", method, "--protocol", protocol, *where, *words, "--json"])
        assert "Traceback" not in done.output
        if done.exit_code:
            assert done.exit_code == 2, repr(done.exception)
            return done.stderr
        tasks = [row["task"].replace("/", "-") for row in json.loads(done.stdout)]
        return [read_record(next((tmp_path / "runs").rglob(f"record-{task}-*.json"))) for task in tasks]

    return score


@pytest.fixture
def without_cameras(tmp_path, small_synthetic):
    """Return a protocol of twelve pictures whose table has no cameras."""
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = ["path,vehicle,split"]
    for number, picture in enumerate(sorted((small_synthetic / "image_test").glob("*.jpg"))[:12]):
        shutil.copy(picture, folder / f"{number}.jpg")
        rows.append(f"{number}.jpg,{picture.name[:4]},{'query' if number % 2 else 'gallery'}")
    (folder / "images.csv").write_text("\n".join(rows))
    (folder / "mine.toml").write_text('table = "images.csv"\n[tasks.main]\n')
    return folder / "mine.toml"


def features(tmp_path):
    (path,) = (tmp_path / "runs").rglob("features.h5")
    return FeatureFile.open(path)


def test_each_image_is_embedded_with_the_camera_in_its_name(run, tmp_path, small_synthetic):
    records = run(transreid(sides=8, jigsaw=True), "cameras=8")

    assert [record.test_needs for record in records] == [("camera",)] * 2
    assert records[0].method == "transreid"
    assert set(records[0].files) == {"weights"}
    options = TransReID.Options(weights="w.pth", trained_size=64, cameras=8)
    method = create(TransReID, options)
    with features(tmp_path) as file:
        for key in (file.keys[0], file.keys[-1]):
            camera = int(key.partition("_c")[2][:3])
            picture = torch.from_numpy(decode(small_synthetic / key, (64, 64)))[None] / 255
            alone = method.embed(picture, camera=torch.tensor([camera]))[0]
            cosine = torch.cosine_similarity(alone, torch.from_numpy(file.read([key])[0]), dim=0)
            assert cosine > 0.9999
            other = method.embed(picture, camera=torch.tensor([camera % 8 + 1]))[0]
            assert torch.cosine_similarity(other, alone, dim=0) < 0.9999


def test_clip_reid_is_scored(run):
    records = run(clip_vit(), method="clip-reid")

    assert {record.method for record in records} == {"clip-reid"}
    assert all(0 < record.measures["ap"] <= 1 for record in records)


def test_a_protocol_without_cameras_is_refused_with_the_option_that_does_without(run, without_cameras):
    said = run(transreid(sides=8), "cameras=8", protocol=str(without_cameras), data=None)

    assert "the method needs the camera of every image, and the data set has no cameras" in said
    assert "--set sie=none" in said

    (record,) = run(transreid(sides=8), "sie=none", protocol=str(without_cameras), data=None)
    assert record.options["sie"] == "none"
    assert "sie=none" in record.method_name
    assert record.test_needs == ()


def test_a_camera_that_the_weights_do_not_know_is_refused_before_anything_is_embedded(run, tmp_path):
    said = run(transreid(sides=4), "cameras=4")

    assert "the weights know no camera 5" in said
    assert "cameras 1 to 4" in said
    assert not list((tmp_path / "runs").rglob("features.h5*"))


def test_views_come_from_a_list_where_the_data_set_has_none(run, tmp_path, small_synthetic):
    said = run(transreid(sides=16), "cameras=8")

    assert "the method needs the view of every image, and the data set has no views" in said
    assert "--set sie=camera, or name them with --set view_list=FILE" in said

    pictures = sorted((small_synthetic / "image_test").glob("*.jpg"))
    (tmp_path / "views.txt").write_text("".join(f"VeRi/image_test/{one.name} 7 9 1\n" for one in pictures))
    records = run(transreid(sides=16), "cameras=8", "view_list=views.txt")
    assert [record.test_needs for record in records] == [("camera", "path")] * 2


def test_views_come_from_a_column_of_a_table(run, without_cameras):
    table = without_cameras.parent / "images.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{header},view", *(f"{row},{number % 3}" for number, row in enumerate(rows))]))

    (record,) = run(transreid(sides=3), "views=3", protocol=str(without_cameras), data=None)

    assert record.test_needs == ("view",)
