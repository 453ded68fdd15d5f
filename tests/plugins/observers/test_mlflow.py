import os

import pytest

mlflow = pytest.importorskip("mlflow", reason="the extra mlflow (80 MB with what it needs) is not installed")

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def no_settings_of_a_user(monkeypatch):
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")  # as the observer sets them, and taken back after the test
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")


def only_run(runs):
    client = mlflow.MlflowClient((runs / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("synthetic")
    (found,) = client.search_runs([experiment.experiment_id])
    return client, found


def test_a_local_folder_holds_losses_scores_options_and_records(observed):
    from harness.scoring.record import read_record

    runs, records = observed("mlflow")

    client, run = only_run(runs)
    assert run.info.status == "FINISHED"
    assert run.data.params["option.epochs"] == "2"
    assert [metric.step for metric in client.get_metric_history(run.info.run_id, "training/loss")] == [1, 2]
    for record in records:
        assert run.data.metrics[f"{record.name}/ap"] == pytest.approx(record.measures["ap"])
        (file,) = (runs / "mlruns").rglob(f"artifacts/records/{record.name.replace('/', '-')}.json")
        assert read_record(file) == record


def test_a_failed_run_is_marked_as_failed(observed):
    runs, _ = observed("mlflow", method="no-label", status=2)

    assert only_run(runs)[1].info.status == "FAILED"
