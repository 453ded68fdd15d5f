"""Reports of a user's own data, whose protocol is a file and whose vehicles have names."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.errors import UsageError
from harness.features.finding import RUN
from harness.registry.registry import load
from harness.scoring.recording import evaluate_file
from harness.scoring.settings import ScoringSettings
from leaderboard.commands.report import report

VEHICLES = ("van_0007", "car_0032", "<b>car</b>", "17")


@pytest.fixture
def own(tmp_path):
    """A table of own images, its protocol, and a run with a record; the pictures are elsewhere."""
    keys = [(f"{part}/{v}_{camera}.jpg", v, part, camera) for part in ("query", "gallery") for v in range(4)
            for camera in (0, 1)]  # fmt: skip
    rows = [f"{key},{VEHICLES[v]},{part},{camera}" for key, v, part, camera in keys]
    (tmp_path / "images.csv").write_text("\n".join(["path,vehicle,split,camera", *rows]))
    (tmp_path / "khoa.toml").write_text('table = "images.csv"\n[tasks.main]\n')
    (tmp_path / RUN).write_text("{}")
    features = np.random.default_rng(0).normal(size=(len(keys), 4)).astype(np.float32)
    run = tmp_path / "run"
    harness.write_features(run / "features.h5", [key[0] for key in keys], features, dataset="khoa", method="mine")
    evaluate_file(
        run / "features.h5", str(tmp_path / "khoa.toml"), ScoringSettings(), registry=load(), data=None, folder=run
    )
    return tmp_path


def bench_report(place, *words):
    return CliRunner().invoke(report, [str(word) for word in (place / "run", "--out", place / "out", *words)])


def test_a_run_on_own_data_is_reported_with_its_protocols_file(own):
    for word in ("--protocol", "--task"):
        for name in ("khoa.toml", "khoa.toml/main"):
            done = bench_report(own, word, own / name)
            assert done.exit_code == 0, (done.output, done.exception)


def test_the_page_shows_the_words_of_the_table_and_commands_with_the_file(own):
    done = bench_report(own, "--protocol", own / "khoa.toml")
    assert done.exit_code == 0, done.output
    page = (own / "out" / "index.html").read_text(encoding="utf-8")
    content = json.loads(re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])

    assert sorted(content["vehicles"].values()) == sorted(VEHICLES)
    assert {str(query[2]) for query in content["queries"]} == content["vehicles"].keys()
    assert "--protocol khoa.toml/main" in page
    assert "--task khoa.toml/main" in page
    assert "khoa/main --" not in page
    assert str(own) not in page, "no path of this machine"


def test_without_the_file_the_message_says_how_to_give_it(own):
    problem = bench_report(own).exception

    assert isinstance(problem, UsageError)
    assert problem.what == "the protocol 'own-khoa' of the run is not known here"
    assert "--protocol khoa.toml" in problem.next_step
