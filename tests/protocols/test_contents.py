"""Lists whose counts fit and whose content cannot be the released one; and what is said where nobody can know."""

from dataclasses import replace

import numpy as np
import pytest

from harness.tasks.contents import UNKNOWN_CONTENT, known_content
from harness.tasks.counts import counts, differences
from harness.tasks.fingerprint import fingerprint
from harness.tasks.task import PublicCopy
from protocols.synthetic import Synthetic
from protocols.vehicleid import VehicleId
from protocols.veri776 import Veri776
from protocols.veriwild import VeriWild
from protocols.vric import Vric
from protocols.vru import Vru
from tests.protocols.trees import SPLIT, write_vehicleid, write_vric, write_vru, write_wild_2020
from tests.protocols.veri_tree import TEST, write_lines, write_tree


def asked(protocol, dataset, name):
    """Return a task of the protocol whose released counts are those of this data set."""
    [task] = [task for task in protocol.tasks if task.name == name]
    return replace(task, released=counts(task, dataset), copies=())


def judged(protocol, root, name):
    """Return why a result on lists with the released counts is not official."""
    dataset = protocol.load(root)
    return differences(asked(protocol, dataset, name), dataset)


def test_vehicleids_list_whose_names_lost_their_zeros_is_not_official(tmp_path):
    assert judged(VehicleId(), write_vehicleid(tmp_path / "whole"), "small") == ()
    lines = ["11 11", "12 11", "13 11", "21 12", "22 12"]

    [reason] = judged(VehicleId(), write_vehicleid(tmp_path / "lost", of_800=lines), "small")

    assert reason == (
        "test_list_800.txt: 5 names, the first image/11.jpg, are not of the release's form image/0279029.jpg"
    )


@pytest.mark.parametrize(
    "lines",
    [
        ["0000011 100", "0000012 100", "0000013 100", "0000021 101", "0000022 101"],  # numbered anew
        ["0000011 11", "0000012 11", "0000013 12", "0000021 12", "0000022 11"],  # two labels exchanged
    ],
)
def test_vehicleids_list_with_other_vehicles_than_in_its_own_file_is_not_official(tmp_path, lines):
    root = write_vehicleid(tmp_path, of_800=lines)
    assert judged(VehicleId(), root, "small") == ()  # nobody can know

    whole = ["0000011 11", "0000012 11", "0000013 11", "0000021 12", "0000022 12", "0000031 13"]
    write_lines(root / "attribute" / "img2vid.txt", whole)
    [reason] = judged(VehicleId(), root, "small")

    assert "test_list_800.txt" in reason
    assert "have another vehicle than in img2vid.txt" in reason
    assert judged(VehicleId(), root, "medium") == ()


def test_a_file_of_vehicles_of_another_form_is_told_and_not_compared(tmp_path):
    root = write_vehicleid(tmp_path)
    write_lines(root / "attribute" / "img2vid.txt", ["image;vehicle"])

    dataset = VehicleId().load(root)

    assert dataset.departures == {"train": (), "small": (), "medium": ()}
    assert "is not of the form '0279029 23781'" in dataset.notes[-1]


def test_vrus_numbers_have_no_zeros_before_them(tmp_path):
    assert judged(Vru(), write_vru(tmp_path / "whole"), "small") == ()
    root = write_vru(tmp_path / "padded")
    write_lines(root / SPLIT / "test_list_1200.txt", ["0010 5", "0011 5", "1200 6", "0013 6"])

    [reason] = judged(Vru(), root, "small")

    assert "3 names, the first Pic/0010.jpg" in reason


def test_a_probe_of_vric_does_not_share_its_camera_with_its_match(tmp_path):
    assert judged(Vric(), write_vric(tmp_path / "whole"), "single-shot") == ()
    gallery = ("MVI_3_002_img1.jpg 3 1", "MVI_4_002_img1.jpg 4 1")

    [reason] = judged(Vric(), write_vric(tmp_path / "shared", gallery=gallery), "single-shot")

    assert reason == "vric_probe.txt: 1 probes share their camera with their match, none in the release"


def test_names_of_veri_and_veri_wild_have_all_their_zeros(tmp_path):
    wild = write_wild_2020(tmp_path / "wild")
    assert judged(VeriWild(), wild, "small") == ()
    lines = (wild / SPLIT / "test_3000_id.txt").read_text().splitlines()
    write_lines(wild / SPLIT / "test_3000_id.txt", [line.replace("/", "/0", 1) for line in lines])
    [reason] = judged(VeriWild(), wild, "small")
    assert reason.startswith("test_3000_id.txt: 4 names, the first images/31388/0321973.jpg")

    assert judged(Veri776(), write_tree(tmp_path / "veri"), "image-to-image") == ()
    short = [name.replace("_c0", "_c") for name in TEST]
    reasons = judged(Veri776(), write_tree(tmp_path / "short", test=short, tracks=None), "image-to-image")
    assert any("name_test.txt: 5 names" in reason for reason in reasons)


def test_several_copies_may_be_known_by_their_fingerprints_or_by_their_pairs(tmp_path):
    protocol, dataset = VehicleId(), VehicleId().load(write_vehicleid(tmp_path))
    task = asked(protocol, dataset, "small")
    assert known_content(protocol, task, dataset) == UNKNOWN_CONTENT

    other = PublicCopy("an early copy", fingerprint="0" * 64)
    assert known_content(protocol, replace(task, copies=(other,)), dataset) == UNKNOWN_CONTENT
    own = PublicCopy("a late copy", fingerprint=fingerprint(protocol, task, dataset))
    assert known_content(protocol, replace(task, copies=(other, own)), dataset) == ""

    pairs = PublicCopy("the lists of 2019", counts={"positives": 3, "ignored": 0})
    assert known_content(protocol, replace(task, copies=(other, pairs)), dataset) == (
        "counts fit, positives and ignored too are those of the lists of 2019; no digest of the lists is known"
    )
    wrong = PublicCopy("the lists of 2019", counts={"positives": 4})
    assert known_content(protocol, replace(task, copies=(wrong,)), dataset) == UNKNOWN_CONTENT


def test_the_pairs_of_veri_wild_divide_its_galleries():
    """A gallery image is of exactly one query's vehicle: it is right for that query, or ignored."""
    for task in VeriWild.tasks[:2]:
        [copy] = task.copies
        assert sum(copy.counts.values()) == task.released["gallery images"]


def test_the_drawn_set_is_one_whose_content_is_known(small_synthetic):
    """That of the default set is in the filed records; another drawn set is not it."""
    protocol, dataset = Synthetic(), Synthetic().load(small_synthetic)
    for task in protocol.tasks:
        [copy] = task.copies
        assert len(copy.fingerprint) == 64
        assert known_content(protocol, task, dataset) == UNKNOWN_CONTENT
    assert np.unique([task.copies[0].fingerprint for task in protocol.tasks]).size == 2
