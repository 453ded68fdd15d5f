"""The short form of the mutation campaign: what the tests of two small modules notice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from io import StringIO
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
            f"{folder}/whole.py",  # emits machine code, which plain Python has none for
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


def test_a_log_holds_while_what_it_rests_on_is_the_same(tmp_path, monkeypatch):
    from tests.campaigns.mutation import subjects
    from tests.campaigns.mutation.__main__ import known_of, read_log, write_line
    from tests.campaigns.mutation.mutants import mutants_of
    from tests.campaigns.mutation.outcome import Outcome

    monkeypatch.setattr(subjects, "ROOT", tmp_path)
    texts = {"a.py": "x = 1 + 2", "test_a.py": "def test_x():\n    pass\n\n\ndef test_y():\n    pass\n"}
    ends = [
        Outcome("killed", "test_a.py::test_x[one]", 1.25, {}),
        Outcome("timed out", "signal 27", 9.0, {}),
        Outcome("survived", "exit 0", 2.5, {}),
        Outcome("survived", "exit 0", 2.0, {"test_a.py::test_x": 1.5}),
    ]
    mutants = [*list(mutants_of("harness/measures/minp.py"))[:3], None]
    log, known = StringIO(), defaultdict(list)

    def held(**changed):
        for name, text in texts.items():
            (tmp_path / name).write_text(text.replace(*changed.get(name.removesuffix(".py"), ("", ""))))
        subjects._functions.cache_clear()
        own = subjects.Subject("a.py", ("test_a.py",))
        return own, [known_of(own, mutant, known) for mutant in mutants]

    subject, nothing = held()
    for mutant, end in zip(mutants, ends, strict=True):
        write_line(log, subject, mutant, end)
    read_log(StringIO(log.getvalue() + '{"path": "a.py", "cut o'), known)

    assert nothing == [None] * 4
    assert held()[1] == ends
    assert held(test_a=("test_y", "test_z"))[1] == [*ends[:2], None, None]  # another test may notice the others
    assert held(test_a=("x():\n    pass", "x():\n    return"))[1] == [None, ends[1], None, None]
    assert held(a=("2", "3"))[1] == [None] * 4


def test_what_imports_a_module_is_imported_anew_and_nothing_else():
    program = (
        "import sys; from harness.measures import cmc, hit; from harness import errors, measures\n"
        "from tests.campaigns.mutation import anew; anew.forget(['harness.measures.cmc'])\n"
        "gone = {'harness.measures.cmc', 'harness.measures.hit'} - sys.modules.keys()\n"  # hit imports cmc
        "from harness.measures import cmc as second\n"
        "print(len(gone), sys.modules['harness.errors'] is errors, second is cmc)"
    )
    # In a process of its own, since the other tests go on with the modules that they have.
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603

    assert ended.stdout == "2 True False\n", ended.stderr
