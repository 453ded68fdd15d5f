"""Every task of every protocol, under its rule and all its conventions, against a look at every pair of images."""

import math
import random

import numpy as np
import pytest

from harness.errors import DataError
from harness.features import FeatureFile, write_features
from harness.scoring.evaluation import score
from harness.scoring.settings import ScoringSettings
from harness.tasks.conventions import serve, with_conventions
from harness.tasks.counts import differences
from harness.tasks.fingerprint import fingerprint
from harness.tasks.toml_protocol import open_protocol
from protocols.carla_reid import CarlaReid
from protocols.cityflow import CityFlow
from protocols.khoa import Khoa
from protocols.roundabouthd import RoundaboutHd
from protocols.vehicleid import LISTS, VehicleId
from protocols.veri776 import Veri776
from protocols.veriwild import VeriWild
from protocols.veriwild2 import VeriWild2
from protocols.vric import Vric
from protocols.vru import Vru
from tests.protocols.trees import SPLIT, write_cityflow, write_khoa, write_named, write_veriwild2
from tests.protocols.veri_tree import write_lines, write_tree
from tests.reference import task_scores


def veri776(root, chance):
    test, tracks = [], []
    for vehicle in range(1, 7):
        for camera in chance.sample(range(1, 6), 3):
            start = chance.randrange(90_000)
            images = [f"{vehicle:04}_c{camera:03}_{start + 5 * n:08}_0.jpg" for n in range(chance.randint(1, 4))]
            tracks.append(f"{vehicle:04}_c{camera:03}_t{len(tracks):04} {' '.join(images)} ")
            test += images
    query = chance.sample(test, 8)
    chance.shuffle(test)
    write_tree(root, train=["0100_c001_00000001_0.jpg"], query=query, test=test, tracks=tracks)
    return Veri776()


def drawn(root, chance, sizes):
    image = 0
    for size in sizes:
        lines = []
        for vehicle in range(chance.randint(4, 6)):
            for _ in range(chance.randint(2, 4)):
                image += 1
                lines.append(f"{image:07} {1000 + vehicle}")
        chance.shuffle(lines)
        write_lines(root / SPLIT / f"test_list_{size}.txt", lines)


def vehicleid(root, chance):
    drawn(root, chance, [file.removeprefix("test_list_").removesuffix(".txt") for file in LISTS.values()])
    return VehicleId()


def vru(root, chance):
    drawn(root, chance, [1200, 2400, 8000])
    return Vru()


def vric(root, chance):
    vehicles = chance.sample(range(100), 10)
    write_lines(root / "vric_probe.txt", [f"MVI_{v}_a.jpg {v} {chance.randint(1, 3)}" for v in vehicles])
    chance.shuffle(vehicles)
    write_lines(root / "vric_gallery.txt", [f"MVI_{v}_b.jpg {v} {chance.randint(4, 6)}" for v in vehicles])
    return Vric()


def wild_images(chance):
    for size in (3000, 5000, 10000):
        query, gallery = [], []
        for vehicle in range(size, size + 6):
            images = [
                (f"{vehicle:05}/{size + n:06}", vehicle, chance.randint(1, 4)) for n in range(chance.randint(2, 6))
            ]
            query.append(images[0])
            gallery += images[1:]
        yield size, query, gallery


def veriwild_2019(root, chance):
    info = ["id/image;Camera ID;Time;Model;Type;Color"]
    for size, query, gallery in wild_images(chance):
        write_lines(root / SPLIT / f"test_{size}_query.txt", [image for image, _, _ in query])
        write_lines(root / SPLIT / f"test_{size}.txt", [image for image, _, _ in gallery])
        info += [f"{image};{camera};2018-03-11 17:00:05;a;b;c" for image, _, camera in query + gallery]
    write_lines(root / "vehicle_info.txt", info)
    return VeriWild()


def veriwild_2020(root, chance):
    for size, query, gallery in wild_images(chance):
        for file, images in ((f"test_{size}_id_query.txt", query), (f"test_{size}_id.txt", gallery)):
            write_lines(root / SPLIT / file, [f"{image}.jpg {vehicle} {camera}" for image, vehicle, camera in images])
    return VeriWild()


def veriwild2(root, chance):
    lists = {}
    for word in ("A", "B", "All"):
        images = [
            f"{v:05}/{v}{n}.jpg {v} {chance.randint(1, 3)}" for v in range(8) for n in range(chance.randint(2, 5))
        ]
        chance.shuffle(images)
        lists |= {f"{word}_query": images[:6], f"{word}_gallery": images[6:]}
    write_veriwild2(root, **lists)
    return VeriWild2()


def roundabouthd(root, chance):
    names = {f"test/{chance.randint(1, 5)}_cam{chance.randint(1, 3):02}_{n:06}.jpg" for n in range(30)}
    write_named(root, *sorted(names))
    return RoundaboutHd()


def carla_reid(root, chance):
    sides = ["query", "gallery", "gallery"]
    names = {f"image_{chance.choice(sides)}/{n}_{chance.randint(1, 3)}_{chance.randint(1, 5)}.jpg" for n in range(30)}
    write_named(root, *sorted(names))
    return CarlaReid()


def khoa(root, chance):
    vehicles = chance.sample(range(100), 12)
    names = [f"{chance.choice(['car', 'bus'])}_{vehicle:04}" for vehicle in vehicles]
    pairs = [f"{name}_cam{camera}.jpg" for name in names for camera in (1, 2)]
    write_khoa(root, test=pairs[:16], val=pairs[16:])
    return Khoa()


def cityflow(root, chance):
    write_cityflow(root)
    return CityFlow()


def own(root, chance):
    rows = [
        f"{n}.jpg,car {chance.randint(1, 4)},{chance.choice(['query', 'gallery', 'gallery'])},cam{chance.randint(1, 3)}"
        for n in range(24)
    ]
    write_lines(root / "images.csv", ["path,vehicle,split,camera", *rows, "a.jpg,x,both,c", "b.jpg,x,both,c"])
    words = ['table = "images.csv"', "[tasks.main]", '[tasks.all]\nquery = "gallery"', "[tasks.none]", "ignore = []"]
    write_lines(root / "own.toml", [*words, '[tasks.drawn]\nquery = "both"\ngallery = "both"\ndraws = { count = 2 }'])
    return open_protocol(root / "own.toml")


MADE = [veri776, vehicleid, vru, vric, veriwild_2019, veriwild_2020, veriwild2]
MADE += [roundabouthd, carla_reid, khoa, cityflow, own]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("make", MADE)
def test_every_task_and_convention_scores_as_a_look_at_every_pair_says(make, metric, tmp_path):
    chance = random.Random(f"{make.__name__} {metric}")  # noqa: S311 - a tree of test data
    protocol = make(tmp_path, chance)
    dataset = protocol.load(tmp_path)
    tasks, lost = serve(with_conventions(protocol.tasks, ["all"]), dataset)
    assert list(lost) == [task.name for task in protocol.tasks if task.withheld]
    features = features_of(dataset, tasks, np.random.default_rng(chance.randrange(1 << 30)))
    write_features(
        tmp_path / "f.h5", list(features), list(features.values()), dataset=protocol.name, method="m", dtype="float32"
    )

    with FeatureFile.open(tmp_path / "f.h5") as file:
        for task in tasks:
            found = score(file, protocol, task, dataset, ScoringSettings(metric=metric))
            expected = task_scores(task, dataset, features, metric)
            for word, draws in expected.items():
                assert found.mean[word] == pytest.approx(math.fsum(draws) / len(draws), abs=1e-12), (task.name, word)
                if task.rule.draws is not None:
                    assert found.per_draw[word] == pytest.approx(draws, abs=1e-12), (task.name, word)


READ_LESS = {
    veri776: "name_train.txt",
    vehicleid: f"{SPLIT}/train_list.txt",
    vru: f"{SPLIT}/train_list.txt",
    vric: "vric_train.txt",
    veriwild_2019: f"{SPLIT}/train_list.txt",
    veriwild_2020: f"{SPLIT}/train_list_start0.txt",
}


@pytest.mark.parametrize("make", READ_LESS)
def test_a_ranking_reads_no_training_list_and_has_the_fingerprints_and_departures_of_the_whole_copy(make, tmp_path):
    protocol = make(tmp_path, random.Random(make.__name__))  # noqa: S311 - a tree of test data
    whole = protocol.load(tmp_path)
    write_lines(tmp_path / READ_LESS[make], ["nonsense"])
    with pytest.raises(DataError, match="nonsense"):
        protocol.load(tmp_path)

    for task in with_conventions(protocol.tasks, ["all"]):
        part = protocol.load_tasks(tmp_path, [task])
        assert {task.query, task.gallery} <= part.splits.keys() < whole.splits.keys() | {"train"}
        assert fingerprint(protocol, task, part) == fingerprint(protocol, task, whole)
        assert differences(task, part) == differences(task, whole)


def features_of(dataset, tasks, random_numbers):
    """Return a float32 feature of every image, of few directions so that some tie, the same for one file name."""
    directions = random_numbers.normal(size=(20, 5)).astype(np.float32)
    of_name, features = {}, {}
    for split in dict.fromkeys(split for task in tasks for split in (task.query, task.gallery)):
        for path in dataset.splits[split].paths:
            name = path.rpartition("/")[2]
            if name not in of_name:
                near = directions[random_numbers.integers(20)] + 0.01 * random_numbers.integers(3)
                of_name[name] = near.astype(np.float32).astype(np.float64)
            features[path] = of_name[name]
    return features


def test_hit_1_of_image_to_track_is_cmc_1_of_image_to_image_for_every_query(tmp_path):
    protocol = veri776(tmp_path, random.Random(1))  # noqa: S311 - a tree of test data
    dataset = protocol.load(tmp_path)
    features = features_of(dataset, protocol.tasks, np.random.default_rng(1))
    write_features(tmp_path / "f.h5", list(features), list(features.values()), dataset="veri776", method="m")
    with FeatureFile.open(tmp_path / "f.h5") as file:
        track, image = (
            score(file, protocol, task, dataset, ScoringSettings(metric="cosine")) for task in protocol.tasks
        )

    assert track.per_query["hit@1"].tolist() == image.per_query["cmc@1"].tolist()
    assert 0 < track.mean["hit@1"] < 1
