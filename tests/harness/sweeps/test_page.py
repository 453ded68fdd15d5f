"""docs/your-cluster.md is true: its files are read, and its engine is one."""

import re
from pathlib import Path

import pytest

import harness
from harness.cli.verbs.sweep import words_of_a_run
from harness.registry.kinds import ENGINE
from harness.sweeps.expand import expand
from harness.sweeps.states import WORDS
from harness.sweeps.sweep import open_engine
from tests.harness.sweeps.made import sweep_of

PAGE = (Path(__file__).parents[3] / "docs" / "your-cluster.md").read_text()
FILES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
RUN = '[[run]]\nmethod = "random"\nprotocol = "synthetic"\n'


def test_the_first_file_of_the_page_lists_the_runs_that_it_says(tmp_path):
    assert f"These are {len(expand(sweep_of(tmp_path, FILES[0]), words_of_a_run()))} runs." in PAGE


@pytest.mark.parametrize("text", FILES)
def test_every_file_of_the_page_is_right(tmp_path, text):
    file = sweep_of(tmp_path, text if "[[run]]" in text else RUN + text)

    assert expand(file, words_of_a_run())
    for name in file.content.engine:
        pytest.importorskip({"slurm": "submitit", "dask": "distributed"}[name], reason=f"the extra {name} is missing")
        assert open_engine(name, file, harness.load(), None).options.model_fields_set


def test_the_engine_of_the_page_can_be_registered(tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "batch.py").write_text(block)
    registry = harness.load(tmp_path / "batch.py")

    engine = open_engine("batch", sweep_of(tmp_path, RUN + "[engine.batch]\nqueue = 'night'\n"), registry, 3)

    assert "batch" in registry.names(ENGINE)
    assert (engine.options.queue, engine.jobs) == ("night", 3)


def test_the_page_explains_every_state():
    assert all(f"| {word} |" in PAGE for word in WORDS)
