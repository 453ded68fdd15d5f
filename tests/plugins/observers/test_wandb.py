import os

import pytest

wandb = pytest.importorskip("wandb", reason="the extra wandb (60 MB) is not installed")

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def no_settings_of_a_user(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_MODE", "offline")  # as the observer would set it, and taken back after the test
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")


def test_an_offline_run_holds_losses_scores_options_and_records(observed):
    runs, records = observed("wandb")

    (folder,) = (runs / "wandb").glob("offline-run-*")
    (file,) = folder.glob("run-*.wandb")
    content = file.read_bytes()
    for word in ("training/loss", "validation/ap", "epochs", *(f"{record.name}/ap" for record in records)):
        assert word.encode() in content, word
    assert f"records-{records[0].method}".encode() in content
    assert list(runs.rglob("record-*.json")) == sorted(runs.glob("tiny-*/*/record-*.json"))


def test_without_settings_the_run_is_offline(observed, monkeypatch):
    for name in ("WANDB_MODE", "WANDB_ERROR_REPORTING"):
        monkeypatch.delenv(name)

    runs, _ = observed("wandb", method="random")

    assert len(list((runs / "wandb").glob("offline-run-*"))) == 1
    assert os.environ["WANDB_MODE"] == "offline"
