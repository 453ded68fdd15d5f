"""A short form of the campaign: a few hundred changed files, each refused in one message or read rightly."""

import pytest

from tests.campaigns.mutants.__main__ import campaign, shares, table
from tests.campaigns.mutants.changes import changed
from tests.campaigns.mutants.running import FAULTS, run
from tests.campaigns.mutants.subjects import Subject


@pytest.mark.slow
@pytest.mark.parametrize("only", ["features float32", "boxes", "record", "weights", "checkpoint", "image", "own data"])
def test_changed_files_are_refused_or_read_rightly(tmp_path, only):
    outcomes = campaign(tmp_path, seed=14, count=80, only=only)

    assert [outcome for outcome in outcomes if outcome.word in FAULTS] == []
    assert len(outcomes) >= 80


def test_equal_seeds_make_equal_mutants_and_nearly_all_differ_from_the_original():
    content = b"path,vehicle\na.jpg,1\nb.jpg,2\n" * 5

    mutants = [changed(content, seed, text=True) for seed in range(50)]

    assert mutants == [changed(content, seed, text=True) for seed in range(50)]
    assert sum(mutant != content for mutant in mutants) > 40


class Faults:
    """Readers that do what no reader may do, by a word."""

    def __init__(self, folder):
        self.folder = folder

    def traceback(self, _path):
        raise KeyError("vehicle")

    def memory(self, _path):
        raise MemoryError

    def crash(self, _path):
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)

    def executed(self, _path):
        import os

        os.system("true")  # noqa: S605, S607 - what is to be found

    def escaped(self, _path):
        (self.folder / "outside").write_text("")


@pytest.mark.parametrize("word", ["traceback", "memory", "crash", "executed", "escaped"])
def test_the_campaign_finds_what_it_looks_for(tmp_path, word):
    reader = getattr(Faults(tmp_path), word)
    (tmp_path / "own").mkdir()

    def read(path):
        return None if path.read_bytes() == b"original" else reader(path)

    subject = Subject("file", tmp_path / "own" / "f", b"original", read)
    number = next(
        number for number in range(100) if changed(b"original", 1_000_003 + number, text=False) != b"original"
    )

    assert [outcome.word for outcome in run(subject, [number], 1)] == [word]


def test_a_content_that_a_checksum_should_have_told_is_wrong(tmp_path):
    subject = Subject("file", tmp_path / "f", b"original", lambda path: path.read_bytes(), checked=True)
    other = Subject("file", tmp_path / "g", b"original", lambda path: path.read_bytes())

    words = [{outcome.word for outcome in run(one, range(5), 1)} for one in (subject, other)]

    assert words[0] <= {"wrong", "as before"} != words[1] <= {"other content", "as before"}


def test_the_mutants_are_divided_by_weight_and_the_table_has_their_sum(tmp_path):
    made = [Subject(name, tmp_path / name, b"x", len, weight=weight) for name, weight in (("a", 1), ("b", 3))]

    assert shares(made, 100) == [25, 75]
    assert table([]).splitlines()[-1].startswith("| all | 0 |")
