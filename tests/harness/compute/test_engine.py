"""Starting and ending a command, with groups of processes and on systems that have none."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from harness.compute import engine
from harness.compute.engine import end, interrupt

WAITS = "import time; print('begun', flush=True); time.sleep(60)"
STARTS_ANOTHER = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(params=[True, False])
def groups(request, monkeypatch):
    """Let the system have groups of processes, or none as on Windows."""
    if not request.param:
        monkeypatch.delattr(os, "killpg")
    monkeypatch.setattr(engine, "GRACE", 1.0)


def begun(code):
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603 - ours
    return process, process.stdout.readline().decode().strip()


def test_an_interrupted_command_ends(groups):
    process, _ = begun(WAITS)
    interrupt(process)
    end(process)

    assert process.returncode != 0
    process.stdout.close()


def test_one_that_does_not_end_is_killed_with_all_that_it_started(groups):
    process, started = begun(STARTS_ANOTHER)
    interrupt(process)
    end(process)

    assert process.returncode != 0
    for _ in range(100):
        if not psutil.pid_exists(int(started)) or psutil.Process(int(started)).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.02)
    else:
        raise AssertionError("the command's own process is still there")
    process.stdout.close()


def test_nothing_is_sent_to_a_command_that_has_ended(groups):
    process, _ = begun("pass")
    process.wait()
    interrupt(process)
    end(process)

    assert process.returncode == 0
    process.stdout.close()
