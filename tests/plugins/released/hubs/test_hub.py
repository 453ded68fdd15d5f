"""The cache is asked first; without the hub there is one message, at once."""

import pytest

from harness.errors import CheckpointError, UsageError
from plugins.released.hubs.hub import from_hub

constants = pytest.importorskip("huggingface_hub.constants", reason="no extra that uses the hub is installed")


@pytest.fixture
def unreachable(monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "https://127.0.0.1:9")  # the port of discarded packets, which is closed
    for word in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(word, raising=False)


def test_what_is_in_the_cache_needs_no_hub(unreachable):
    asked = []

    def load():
        asked.append(constants.HF_HUB_OFFLINE)
        return "weights"

    assert from_hub(load, "a/name", "timm") == "weights"
    assert asked == [True]


def test_without_hub_and_cache_there_is_one_message(unreachable):
    asked = []

    def load():
        asked.append(constants.HF_HUB_OFFLINE)
        raise OSError("no such entry")

    before = constants.HF_HUB_OFFLINE
    with pytest.raises(CheckpointError, match="not in this machine's cache, and the hub cannot be reached") as caught:
        from_hub(load, "a/name", "timm")
    assert "--set weights=FILE" in str(caught.value)
    assert asked == [True]
    assert before == constants.HF_HUB_OFFLINE


def test_an_error_on_purpose_passes(unreachable):
    def load():
        raise UsageError("another name")

    with pytest.raises(UsageError, match="another name"):
        from_hub(load, "a/name", "timm")


def test_what_the_hub_refuses_is_told(monkeypatch):
    monkeypatch.setattr("plugins.released.hubs.hub._reachable", lambda _constants: True)

    def load():
        raise OSError("401, a gated repository")

    with pytest.raises(CheckpointError, match="cannot be loaded from the hub") as caught:
        from_hub(load, "a/name", "timm")
    assert "401, a gated repository" in str(caught.value)
