import pytest

pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_losses_scores_options_and_records_are_in_one_event_file(observed):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    runs, records = observed("tensorboard")

    (events,) = runs.glob("*/tensorboard")
    found = EventAccumulator(str(events)).Reload()
    tags = found.Tags()
    assert {"training/loss", "training/vehicle", "training/learning_rate", "validation/ap"} <= set(tags["scalars"])
    assert [event.step for event in found.Scalars("training/loss")] == [1, 2]
    for record in records:
        assert found.Scalars(f"{record.name}/ap")[0].value == pytest.approx(record.measures["ap"], abs=1e-6)
        (text,) = found.Tensors(f"record/{record.name}/text_summary")
        assert record.fingerprint in text.tensor_proto.string_val[0].decode()
    (options,) = found.Tensors("options/text_summary")
    assert '"epochs": 2' in options.tensor_proto.string_val[0].decode()


def test_a_run_that_fails_before_its_first_epoch_leaves_no_folder(observed):
    runs, records = observed("tensorboard", method="no-label", status=2)

    assert records == []
    assert list(runs.iterdir()) == []
