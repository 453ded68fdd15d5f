"""The short form of the campaign ``disk``: each stage meets a full disk once, of a fixed seed."""

import pytest

from tests.campaigns.disk.__main__ import Limited, Mounted, campaign, may_mount
from tests.campaigns.disk.stages import STAGES


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_full_disk_is_one_message_and_costs_nothing_but_the_room(stage):
    if not may_mount():
        pytest.skip("no file system may be mounted here")

    found = campaign(1, 1, [stage], Mounted)

    assert found[stage.name].faults == []
    assert found[stage.name].counts["trials"] == 1


@pytest.mark.slow
def test_the_limit_of_a_files_size_stands_for_a_full_disk_where_nothing_may_be_mounted():
    stage = next(stage for stage in STAGES if stage.name == "features from Python")

    assert campaign(1, 1, [stage], Limited)[stage.name].faults == []
