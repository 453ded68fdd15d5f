import time

import pytest

from harness.compute.engine import Command, same_program
from harness.errors import RunError

pytest.importorskip("distributed", reason="the extra dask is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def command(folder, *words):
    return Command("a", words, str(folder), str(folder / "a.log"), same_program())


def ended(ticket, seconds=60.0):
    limit = time.monotonic() + seconds
    while ticket.status() is None and time.monotonic() < limit:
        time.sleep(0.05)
    return ticket.status()


def test_a_task_of_a_local_cluster_ends_with_its_commands_status_or_when_it_is_cancelled(tmp_path):
    from plugins.engines.dask import Dask

    with Dask(Dask.Options(), tmp_path, 1) as engine:
        failed = engine.submit(command(tmp_path, "methods", "no-such-method"))
        assert ended(failed) == 2
        assert "unknown method 'no-such-method'" in (tmp_path / "a.log").read_text()

        stopped = engine.submit(command(tmp_path, "methods"))
        stopped.cancel()
        assert ended(stopped) != 0


def test_a_scheduler_that_does_not_answer_is_one_message(tmp_path):
    from plugins.engines.dask import Dask

    with pytest.raises(RunError, match="does not answer"):
        Dask(Dask.Options(scheduler="tcp://127.0.0.1:9", patience=1), tmp_path, None).__enter__()
