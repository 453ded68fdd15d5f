"""CityFlowV2-ReID, the AI City Challenge's track 2 of 2021 and 2022, whose test labels are withheld."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from harness.data.dataset import Dataset
from harness.tasks.protocol import Protocol
from harness.tasks.task import Convention, Rule, Task
from protocols.cityflow.reading import read as read

CHALLENGE = "Naphade et al., The 5th AI City Challenge, CVPR Workshops 2021"
SUBSTITUTE = "Luo et al., An Empirical Study of Vehicle Re-Identification on the AI City Challenge, CVPR Workshops 2021"
CONVENTIONS = {
    "no-camera-rule": Convention(
        "images of the query's own vehicle and camera are positives, but for the query itself",
        rule=Rule(ignore=("same image",)),
        source="the challenge's description, which names no camera rule",
    ),
    "first-100": Convention(
        "as the challenge asks its test: the 100 nearest other images, without a camera rule",
        rule=Rule(ignore=("same image",)),
        measures={"ap": "ap_top@100"},
        source=CHALLENGE,
    ),
}

PUBLIC = Task(
    "public",
    Rule(ignore=("same vehicle and camera",)),
    ("ap", "cmc@1", "cmc@5"),
    query="public-query",
    gallery="public-gallery",
    released={"gallery images": 18_701, "gallery units": 18_701, "vehicles": 88},
    about="the last 88 of the training vehicles in place of the test, whose labels are withheld",
    source=SUBSTITUTE,
    conventions=CONVENTIONS,
)
TRAINING = Task(
    "training",
    Rule(ignore=("same vehicle and camera",)),
    ("ap", "cmc@1", "cmc@5"),
    query="training-query",
    gallery="training-gallery",
    released={"gallery images": 52_717, "gallery units": 52_717, "vehicles": 440},
    about="all 440 training vehicles, for methods that were not trained on them",
    source="this harness: all images with public labels",
    conventions=CONVENTIONS,
    held_out=False,
)
TEST = Task(
    "test",
    Rule(),
    ("ap_top@100",),
    query="test-query",
    gallery="test-gallery",
    about="the challenge's own test: features are extracted, and 'bench track2' writes the file to hand in",
    source=CHALLENGE,
    withheld=True,
)


class CityFlow(Protocol):
    """CityFlowV2-ReID as released: three folders of images, XML labels, tracks."""

    name: ClassVar[str] = "cityflow"
    title: ClassVar[str] = "CityFlowV2-ReID"
    tasks: ClassVar[tuple[Task, ...]] = (PUBLIC, TRAINING, TEST)
    released: ClassVar[Mapping[str, Mapping[str, int]]] = {
        "train": {"images": 34_016, "vehicles": 352},
        "public-gallery": {"images": 18_701, "vehicles": 88},
        "training-gallery": {"images": 52_717, "vehicles": 440},
        "test-query": {"images": 1_103},
        "test-gallery": {"images": 31_238},
    }

    def load(self, root: Path) -> Dataset:
        """Read the labels under ``root``."""
        return read(root)
