import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.compute import engine as contract
from harness.compute.engine import Command, same_program
from plugins.engines.local import Local, visible_gpus


def command(folder, *words, **environment):
    return Command("a", words, str(folder), str(folder / "logs" / "a.log"), {**same_program(), **environment})


def ended(ticket, seconds=60.0):
    limit = time.monotonic() + seconds
    while ticket.status() is None and time.monotonic() < limit:
        time.sleep(0.02)
    return ticket.status()


def test_a_command_runs_in_a_process_of_its_own_and_leaves_a_log(tmp_path):
    with Local(Local.Options(), tmp_path, None) as engine:
        assert ended(engine.submit(command(tmp_path, "methods", "no-such-method"))) == 2

    assert "bench: unknown method 'no-such-method'" in (tmp_path / "logs" / "a.log").read_text()


def test_several_share_processors_and_gpus_evenly(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, 7")
    monkeypatch.setattr("plugins.engines.local.processors", lambda: 8)

    shares = [Local(Local.Options(), tmp_path, 3)._share(place) for place in range(3)]

    assert shares == [{"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": gpu} for gpu in ("4", "7", "4")]
    assert Local(Local.Options(), tmp_path, None)._share(0) == {}


def test_a_number_of_threads_that_the_user_sets_holds(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    assert Local(Local.Options(), tmp_path, 2)._share(1) == {}
    assert visible_gpus() == []


def test_a_command_that_does_not_heed_an_interrupt_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(contract, "GRACE", 0.2)
    ignoring = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    words = [sys.executable, "-c", ignoring]
    process = subprocess.Popen(words, start_new_session=True, stdout=subprocess.PIPE)  # noqa: S603 - our own words
    process.stdout.readline()

    contract.interrupt(process)
    contract.end(process)

    assert process.returncode == -signal.SIGKILL
    process.stdout.close()


def test_a_called_command_ends_when_its_stop_file_appears(tmp_path):
    found = command(tmp_path, "plugins")
    found.stop.parent.mkdir()
    found.stop.touch()

    assert found() != 0


@pytest.mark.slow
def test_a_terminated_sweep_stops_its_runs_and_the_next_call_goes_on(tmp_path, small_synthetic):
    """The real thing: two processes, one of which is stopped in the middle of a training."""
    from tests.harness.runs.made import PLUGIN

    slow = PLUGIN.replace(
        "def losses(self",
        "def losses(self, outputs, labels, stage):\n"
        "        import time; time.sleep(0.5)\n"
        "        return self.own(outputs, labels, stage)\n\n    def own(self",
        1,
    )
    (tmp_path / "plugin.py").write_text(slow)
    (tmp_path / "sweep.toml").write_text(
        f'plugin = ["plugin.py"]\ndata = {{ synthetic = "{small_synthetic}" }}\n'
        '[[run]]\nmethod = "tiny"\nprotocol = "synthetic/image-to-image"\nset.epochs = 3\nseed = [0, 1]\n'
    )
    words = [sys.executable, "-m", "harness", "sweep", "sweep.toml"]
    about = {"cwd": tmp_path, "env": {**os.environ, **same_program()}, "text": True}
    process = subprocess.Popen([*words, "--jobs", "2"], stderr=subprocess.PIPE, **about)  # noqa: S603 - our own words
    limit = time.monotonic() + 300
    while len(list(tmp_path.glob("runs/tiny-*/training/state.pt"))) < 2 and time.monotonic() < limit:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)

    assert process.returncode == 130, errors
    assert "2 waiting" in errors
    done = subprocess.run([*words, "--json"], capture_output=True, check=True, **about)  # noqa: S603 - as above
    assert [row["state"] for row in json.loads(done.stdout)] == ["done", "done"]
    logs = [path.read_text() for path in sorted(Path(tmp_path).glob("runs/sweeps/sweep/logs/*.log"))]
    assert len(logs) == 2
    assert all("training resumes after epoch" in log for log in logs)
