"""A record looked up again: what of its data set is read."""

import shutil

import numpy as np
import pytest

from harness.errors import DataError
from harness.features import write_features
from harness.registry.registry import load
from harness.scoring.recording import evaluate_file
from harness.scoring.settings import ScoringSettings
from harness.steps.chain import Chain
from leaderboard.record_files import RecordFile
from leaderboard.verification import check_fingerprint, question_of
from protocols.veri776 import Veri776


def test_a_record_is_checked_without_the_training_list_unless_it_is_post_processed(tmp_path, small_synthetic):
    registry, root = load(), tmp_path / "VeRi"
    root.mkdir()
    for path in (*small_synthetic.glob("*.txt"), *small_synthetic.glob("*.xml")):
        shutil.copy(path, root)
    dataset = Veri776().load(root)
    keys = [*dataset.split("query").paths, *dataset.split("gallery").paths]
    values = np.random.default_rng(0).standard_normal((len(keys), 4), np.float32)
    features = write_features(tmp_path / "f.h5", keys, values, dataset="veri776", method="mine")
    plain, chained = (
        RecordFile(*evaluate_file(features, "veri776/image-to-image", settings, registry=registry, data=root), features)
        for settings in (ScoringSettings(), ScoringSettings(post=Chain.parse(["camera-mean"], registry.step)))
    )
    (root / "name_train.txt").write_text("nonsense\n")

    question = question_of(plain, registry, root)

    assert question.dataset is not None
    assert "train" not in question.dataset.splits
    check_fingerprint(plain, question)
    with pytest.raises(DataError, match="cannot be used"):
        question_of(chained, registry, root)
