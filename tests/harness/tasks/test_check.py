import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from harness.data.check_images import SAMPLE, check_images, sample
from harness.tasks.check import check_copy, text
from harness.tasks.protocol import Protocol
from harness.tasks.task import Rule, Task
from protocols.veri776 import Veri776
from protocols.veriwild import VeriWild
from tests.protocols.trees import write_wild_2019, write_wild_2020
from tests.protocols.veri_tree import QUERY, TEST, TRAIN, write_lines, write_tree
from tests.tables import dataset, table


def small_release():
    """Return VeRi-776's protocol as if the release were the tests' small tree."""

    def as_released(task):
        return replace(task, released={"queries": 2})

    counts = {"train": {"images": 3, "vehicles": 2, "cameras": 2}, "gallery": {"images": 5, "tracks": 4}}

    class Small(Veri776):
        tasks = tuple(as_released(task) for task in Veri776.tasks)
        released = counts

    return Small()


def write_images(root, folders=("image_train", "image_query", "image_test")):
    for folder, names in zip(("image_train", "image_query", "image_test"), (TRAIN, QUERY, TEST), strict=True):
        if folder in folders:
            (root / folder).mkdir()
            for name in names:
                Image.new("RGB", (12, 10), (len(name), 40, 90)).save(root / folder / name)
    return root


@pytest.fixture
def whole(tmp_path):
    return write_images(write_tree(tmp_path))


def test_a_whole_copy_is_official_and_ends_with_0(whole):
    report = check_copy(small_release(), whole)

    assert (report.verdict, report.status) == ("results will be official", 0)
    assert "task image-to-image: official; counts fit, content is none that is known, fingerprint" in text(report)
    assert report.findings == ()
    assert report.decoded == 10
    assert report.splits[0].found == {"images": 3, "vehicles": 2, "cameras": 2}
    assert [task.differences for task in report.tasks] == [(), ()]
    assert len({task.fingerprint for task in report.tasks}) == 2


def test_the_real_release_is_told_from_a_small_tree_by_its_counts(whole):
    report = check_copy(Veri776(), whole)

    assert report.status == 1
    assert report.verdict == "results will not be official: queries: 2 instead of 1678"
    assert "'train' has 3 images, the release 37778" in report.findings


def test_missing_extra_and_unreadable_images_are_named(whole):
    (whole / "image_test" / TEST[0]).unlink()
    (whole / "image_train" / TRAIN[0]).write_bytes(b"no jpeg")
    Image.new("RGB", (12, 10)).save(whole / "image_query" / "stray.jpg")
    (whole / "image_query" / "Thumbs.db").write_bytes(b"")
    report = check_copy(small_release(), whole, every_image=True)

    assert report.status == 1
    assert f"1 of 10 images are missing: image_test/{TEST[0]}" in report.findings
    assert "1 images are in no list: image_query/stray.jpg" in report.findings
    unreadable = (
        f"1 of 9 decoded images cannot be read: image_train/{TRAIN[0]} (the image is not of an expected format)"
    )
    assert unreadable in report.findings
    assert report.verdict == "results will be official, but the copy is incomplete or differs from the release"


def test_a_truncated_image_is_unreadable(whole):
    path = whole / "image_test" / TEST[1]
    path.write_bytes(path.read_bytes()[:200])

    assert any(f"image_test/{TEST[1]}" in finding for finding in check_copy(small_release(), whole).findings)


def test_lists_without_images_can_be_scored(tmp_path):
    report = check_copy(small_release(), write_tree(tmp_path))

    assert report.status == 1
    assert report.findings == ("there are no images: feature files can be evaluated, but features cannot be extracted",)


def test_the_copy_is_found_one_folder_deeper(tmp_path):
    write_images(write_tree(tmp_path / "VeRi"))
    report = check_copy(small_release(), tmp_path)

    assert report.root == str(tmp_path / "VeRi")
    assert report.status == 0


def test_lists_that_cannot_be_used_end_with_2_and_the_message(tmp_path):
    report = check_copy(small_release(), write_tree(tmp_path, test=[*TEST, TEST[0]]))

    assert report.status == 2
    assert report.verdict == "unusable: 1 line of the lists cannot be used"
    assert f"name_test.txt:6: '{TEST[0]}' is already in line 1" in report.problem
    assert check_copy(small_release(), tmp_path / "nowhere").status == 2


def test_a_task_that_cannot_be_asked_keeps_the_others_official(whole):
    (whole / "test_track.txt").unlink()
    report = check_copy(small_release(), whole)

    assert report.status == 1
    assert report.verdict == "results will be official for image-to-image, not for image-to-track"
    assert report.tasks[0].differences == ("the track list is missing: image-to-track cannot be evaluated",)


def test_notes_of_the_lists_are_findings(whole):
    write_lines(whole / "gt_index.txt", ["1", "2"])
    (whole / "train_label.xml").unlink()

    findings = check_copy(small_release(), whole).findings
    assert "gt_index.txt differs from the rule in 4 pairs; the rule was followed" in findings
    assert "train_label.xml is missing: its images have no colour and no type" in findings


def test_a_query_without_a_positive_is_named(tmp_path):
    query = [*QUERY, "0077_c001_00000001_0.jpg"]
    report = check_copy(small_release(), write_tree(tmp_path, query=query))

    assert f"1 queries of 'image-to-image' have no positive: image_query/{query[-1]}" in report.findings


def test_which_release_a_copy_is_and_that_fingerprints_differ(tmp_path):
    renamed = [name.replace("0005_", "0041_") for name in TEST]
    one = check_copy(Veri776(), write_tree(tmp_path / "one", tracks=None))
    two = check_copy(Veri776(), write_tree(tmp_path / "two", test=renamed, tracks=None))

    assert one.release == ""
    assert two.release == "images by the vehicles that releases name differently: 2 of 0041"
    assert one.tasks[-1].fingerprint != two.tasks[-1].fingerprint
    assert check_copy(VeriWild(), write_wild_2019(tmp_path / "2019")).release == "lists of 2019"
    assert check_copy(VeriWild(), write_wild_2020(tmp_path / "2020")).release == "lists of 2020"


def test_a_copy_without_cameras_is_of_use_under_another_name(tmp_path):
    report = check_copy(VeriWild(), write_wild_2019(tmp_path, info=False))

    assert report.status == 1
    assert [task.task for task in report.tasks if task.fingerprint] == [
        f"{size}+no-camera-rule" for size in ("small", "medium", "large")
    ]


def test_contradictions_that_a_careless_protocol_lets_through_are_named():
    bad = dataset(
        table([1, 1], [0, 0], paths=["a.jpg", "a.jpg"]),
        table([1, 2, 3], [1, 1, 2], [5, 5, 6], paths=["b.jpg", "c.jpg", "t.jpg"]),
    )

    class Careless(Protocol):
        name = "careless"
        tasks = (Task("main", Rule(), ("ap",)),)

        def load(self, root):
            return replace(bad, root=root, splits={**bad.splits, "train": table([3, 9], paths=["t.jpg", "u.jpg"])})

    report = check_copy(Careless(), bad.root)

    assert "'query' lists 1 images twice: a.jpg" in report.findings
    assert "1 vehicles are in 'train' and in 'gallery': 3" in report.findings
    assert "1 images are in 'train' and in 'gallery': t.jpg" in report.findings
    assert "1 tracks of 'gallery' have more than one vehicle: 5" in report.findings
    assert report.status == 1
    assert report.verdict == (
        "results will not be official, since there are no released counts to compare with; see what is listed above"
    )


def test_a_copy_that_serves_no_task_is_of_no_use(tmp_path):
    class Tracks(Veri776):
        tasks = Veri776.tasks[:1]

    report = check_copy(Tracks(), write_tree(tmp_path, tracks=None))

    assert (report.verdict, report.status) == ("unusable: no task can be evaluated", 2)


def test_a_sample_is_decoded_unless_every_image_is_asked_for(tmp_path):
    for row in range(SAMPLE + 4):
        Image.new("L", (8, 8)).save(tmp_path / f"{row}.jpg")
    images = table(np.zeros(SAMPLE + 4))
    data = replace(dataset(images), root=tmp_path)
    steps = []

    assert check_images(data, [images]).decoded == SAMPLE
    assert check_images(data, [images], every=True, progress=lambda *step: steps.append(step)).decoded == SAMPLE + 4
    assert steps[-1] == (SAMPLE + 4, SAMPLE + 4)
    assert sample(images.paths, 3) == sample(images.paths[::-1], 3)


def test_an_image_behind_a_link_out_of_the_folder_is_not_decoded(whole, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret.jpg"
    Image.new("RGB", (8, 8)).save(elsewhere)
    (whole / "image_test" / TEST[0]).unlink()
    (whole / "image_test" / TEST[0]).symlink_to(elsewhere)

    assert any(
        "outside of the data set's folder, behind a link" in finding
        for finding in check_copy(small_release(), whole).findings
    )


def test_a_report_reads_as_lines_and_as_json(whole):
    (whole / "image_test" / TEST[0]).unlink()
    report = check_copy(small_release(), whole)
    lines = text(report).splitlines()

    assert lines[0] == f"veri776 in {whole}"
    assert "train: 3 images (released 3), 2 vehicles (released 2), 2 cameras (released 2)" in lines
    assert f"- 1 of 10 images are missing: image_test/{TEST[0]}" in lines
    assert lines[-1] == report.verdict
    assert json.loads(json.dumps(asdict(report)))["status"] == 1
    assert text(check_copy(small_release(), whole / "image_test")).splitlines()[-1].startswith("unusable: ")


def test_images_whose_names_another_system_wrote_otherwise_are_named(tmp_path):
    for name in ("Citroe\u0308n.jpg", "A.JPG", "here.jpg"):
        Image.new("L", (8, 8)).save(tmp_path / name, "JPEG")
    listed = replace(table(np.zeros(4)), paths=("Citro\u00ebn.jpg", "a.jpg", "here.jpg", "nowhere.jpg"))
    data = replace(dataset(listed), root=tmp_path)

    findings = check_images(data, [listed]).findings

    assert findings[0].startswith("3 of 4 images are missing")
    assert findings[1].startswith("2 of the missing images are there under names that differ only in case")
    assert "'Citro\\xebn.jpg' is 'Citroe\\u0308n.jpg'" in findings[1]
