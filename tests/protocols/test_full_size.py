"""Lists of the released sizes, made up: they load in seconds, and their counts are official."""

import pytest

from harness.tasks.counts import differences
from harness.tasks.fingerprint import fingerprint
from protocols.vehicleid import VehicleId
from protocols.veriwild import VeriWild
from protocols.vric import Vric
from tests.protocols.trees import SPLIT
from tests.protocols.veri_tree import write_lines

pytestmark = pytest.mark.slow


def spread(images, vehicles, first):
    """Return as many vehicle numbers as images, each vehicle about as often."""
    return [first + number % vehicles for number in range(images)]


def loaded(protocol, root):
    """Return the data set, and check that all tasks are official."""
    dataset = protocol.load(root)
    for task in protocol.tasks:
        if task.name not in dataset.unavailable:
            assert differences(task, dataset) == ()
            assert len(fingerprint(protocol, task, dataset)) == 64
    return dataset


def test_vehicleid(tmp_path):
    sizes = {"train_list": (113_346, 13_164, 0), "test_list_13164": (108_221, 13_164, 20_000)}
    sizes |= {f"test_list_{v}": (n, v, 20_000) for n, v in ((6_493, 800), (13_377, 1_600), (19_777, 2_400))}
    for name, (images, vehicles, first) in sizes.items():
        numbers = enumerate(spread(images, vehicles, first), 1_000_000 * (first > 0))
        write_lines(tmp_path / SPLIT / f"{name}.txt", [f"{image:07} {vehicle}" for image, vehicle in numbers])
    dataset = loaded(VehicleId(), tmp_path)

    assert list(dataset.unavailable) == ["3200", "6000"]


def test_veriwild(tmp_path):
    image, info = 0, ["id/image;Camera ID;Time;Model;Type;Color"]

    def write(name, vehicles):
        nonlocal image
        lines = []
        for vehicle in vehicles:
            image += 1
            lines.append(f"{vehicle:05}/{image:06}")
            info.append(f"{lines[-1]};{image % 174};2018-03-11 17:00:{image % 60:02};model {image % 150};suv;white")
        write_lines(tmp_path / SPLIT / f"{name}.txt", lines)

    write("train_list", spread(277_797, 30_671, 0))
    for vehicles, images in ((3_000, 38_861), (5_000, 64_389), (10_000, 128_517)):
        write(f"test_{vehicles}_query", spread(vehicles, vehicles, 50_000))
        write(f"test_{vehicles}", spread(images, vehicles, 50_000))
    write_lines(tmp_path / SPLIT / "vehicle_info.txt", info)

    assert loaded(VeriWild(), tmp_path).notes == ()


def test_vric(tmp_path):
    train = [f"MVI_{n}.jpg {vehicle} 1" for n, vehicle in enumerate(spread(54_808, 2_811, 0))]
    write_lines(tmp_path / "vric_train.txt", train)
    write_lines(tmp_path / "vric_probe.txt", [f"MVI_p{n}.jpg {n} 1" for n in range(3_000, 5_811)])
    write_lines(tmp_path / "vric_gallery.txt", [f"MVI_g{n}.jpg {n} 2" for n in range(3_000, 5_811)])

    assert loaded(Vric(), tmp_path).unavailable == {}
