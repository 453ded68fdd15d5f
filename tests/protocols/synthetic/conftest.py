"""Drawn data sets that several modules look at and none changes."""

import pytest

from protocols.synthetic import Synthetic, make
from tests.protocols.synthetic.drawn_sets import SEED_HERE, SMALL, VEHICLES_HERE


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    out = tmp_path_factory.mktemp("drawn") / "set"
    make(out, vehicles=VEHICLES_HERE, cameras=8, image_size=48, seed=SEED_HERE)
    return out


@pytest.fixture(scope="session")
def dataset(root):
    return Synthetic().load(root)


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "small"
    return make(out, **SMALL, workers=1)
