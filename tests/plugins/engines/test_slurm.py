"""submitit with its local executor: there is no SLURM to try it with."""

import time

import pytest

from harness.compute.engine import Command, same_program
from harness.errors import UsageError

pytest.importorskip("submitit", reason="the extra slurm is not installed")


@pytest.fixture
def slurm(tmp_path):
    from plugins.engines.slurm import Slurm

    def made(**options):
        return Slurm(Slurm.Options(**{"gpus": 0, **options}), tmp_path, None)

    return made


def command(folder, *words):
    return Command("a", words, str(folder), str(folder / "a.log"), same_program())


def test_a_job_ends_with_the_status_of_its_command(slurm, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", same_program().get("PYTHONPATH", ""))
    with slurm(executor="local") as engine:
        ticket = engine.submit(command(tmp_path, "methods", "no-such-method"))
        limit = time.monotonic() + 60
        while ticket.status() is None and time.monotonic() < limit:
            time.sleep(0.1)

    assert (ticket.status(), ticket.problem()) == (2, "")
    assert not ticket.running()
    assert "unknown method 'no-such-method'" in (tmp_path / "a.log").read_text()


def test_a_job_without_an_answer_is_lost_with_a_reason(tmp_path):
    from plugins.engines.slurm import _Job

    class Lost:
        job_id = "7"
        state = "FAILED"

        def done(self):
            return True

        def result(self):
            raise RuntimeError("no output\nslurmstepd: out of memory\n")

    ticket = _Job(Lost(), command(tmp_path))

    assert ticket.status() == -1
    assert ticket.problem() == "job 7 was lost: slurmstepd: out of memory"


def test_a_job_whose_time_is_over_is_submitted_again(tmp_path):
    from submitit.helpers import DelayedSubmission

    from plugins.engines.slurm import _Resumable

    again = _Resumable(command(tmp_path, "run")).checkpoint()

    assert isinstance(again, DelayedSubmission)
    assert again.function == _Resumable(command(tmp_path, "run"))


def test_a_machine_without_slurm_says_so(slurm, monkeypatch):
    monkeypatch.setenv("PATH", "")

    with pytest.raises(UsageError, match="cannot submit jobs to SLURM"):
        slurm().__enter__()
