"""The short form of the mutation campaign: what the tests of two small modules notice."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.campaigns.mutation.subjects import SUBJECTS

pytest.importorskip("cosmic_ray")


def run(*words):
    command = [sys.executable, "-m", "tests.campaigns.mutation", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=os.environ)  # noqa: S603


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="each trial is a fork")
def test_changes_of_a_measure_are_noticed():
    ended = run("--only", "harness/measures/minp", "--count", "6", "--seed", "1")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "| harness/measures/minp.py | 6 " in ended.stdout


def test_every_module_of_the_kernel_and_the_statistics_is_tried():
    from tests.campaigns.mutation.mutants import ROOT

    for folder in ("harness/kernel", "harness/kernel/native", "harness/measures", "leaderboard/statistics"):
        modules = {f"{folder}/{path.name}" for path in (ROOT / folder).glob("*.py")}
        left_out = {
            *(f"{folder}/__init__.py",) * (folder != "harness/measures"),
            *(f"{folder}/{name}.py" for name in ("compiled", "prefetch", "tuples", "rerank_tuples")),
        }
        assert modules - left_out == {one.path for one in SUBJECTS if one.path.rpartition("/")[0] == folder}


def test_the_changes_of_a_module_are_other_programs_and_each_is_one_line():
    import ast

    from tests.campaigns.mutation.mutants import mutants_of, sample

    mutants = list(mutants_of("harness/measures/family.py"))
    assert len(set(mutants)) == len(mutants) > 30
    assert sample(mutants, 5, 1) == sample(mutants, 5, 1) != sample(mutants, 5, 2)
    for mutant in sample(mutants, 12, 3):
        before, after = mutant.change
        assert before != after
        ast.parse(mutant.source)
