"""The short form of the mutation campaign: what the tests of two small modules notice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaigns.mutation.subjects import SUBJECTS

pytest.importorskip("cosmic_ray")

ROOT = Path(__file__).parents[2]


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


@pytest.mark.slow
def test_every_accepted_change_is_one_that_is_tried():
    from tests.campaigns.mutation.accepted import accepted
    from tests.campaigns.mutation.mutants import mutants_of

    for path in {path for path, _, _ in accepted()}:
        wanted = {(line, new) for own, line, new in accepted() if own == path}
        lines = {line for line, _ in wanted}
        source = (ROOT / path).read_text().splitlines()
        changes = {mutant.change for mutant in mutants_of(path) if source[mutant.line - 1].strip() in lines}
        made = changes | {(line, None) for line, _ in changes}
        assert wanted <= made, sorted(wanted - made)


def test_a_campaign_goes_on_from_its_log(tmp_path, monkeypatch):
    from io import StringIO

    from tests.campaigns.mutation import subjects
    from tests.campaigns.mutation.__main__ import key_of, read_log, write_line
    from tests.campaigns.mutation.mutants import mutants_of
    from tests.campaigns.mutation.trial import Outcome

    for path, text in (("a.py", "x = 1 + 2"), ("test_a.py", "pass")):
        (tmp_path / path).write_text(text)
    monkeypatch.setattr(subjects, "ROOT", tmp_path)
    one = subjects.Subject("a.py", ("test_a.py::test_x",))
    mutant = next(mutants_of("harness/measures/minp.py"))
    log = StringIO()
    write_line(log, one, mutant, Outcome("killed", "test_x", 1.239, {}))

    ((key, known),) = read_log(StringIO(log.getvalue() + '{"path": "a.py", "cut o'))

    assert key == key_of(one, mutant)
    assert known == ("killed", "test_x", 1.24, {})
    assert subjects.Subject("a.py", ("test_a.py::test_x",)).digest == one.digest
    assert subjects.Subject("a.py", ("test_a.py",)).digest != one.digest
    (tmp_path / "test_a.py").write_text("assert True")
    assert subjects.Subject("a.py", ("test_a.py::test_x",)).digest != one.digest
