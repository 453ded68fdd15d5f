"""What a file says about its network is read back, or is one message."""

import pytest

from harness.data.resizing import Resizing
from harness.errors import CheckpointError
from harness.methods.exported import LONGEST, Card, read_card


def test_a_card_is_read_back():
    card = Card(run="pgan", input_size=(64, 32), interpolation="bicubic", keep_ratio=True, share=0.875, metric="cosine")

    found = read_card(card.model_dump_json(), "n.onnx")

    assert found == card
    assert found.resizing == Resizing("bicubic", keep_ratio=True, share=0.875)


def test_a_file_from_elsewhere_has_none():
    assert read_card(None, "n.onnx") is None
    assert read_card("", "n.onnx") is None


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[",
        '{"run": "a", "input_size": [0, 9]}',
        '{"run": "a", "input_size": [99999, 9]}',
        '{"run": "a", "input_size": [9, 9], "metric": "l2"}',
        '{"run": "a", "input_size": [9, 9], "more": 1}',
        '"' + "a" * LONGEST + '"',
    ],
)
def test_a_damaged_card_is_one_message(text):
    with pytest.raises(CheckpointError, match="says about its network is damaged") as caught:
        read_card(text, "n.onnx")
    assert "n.onnx" in str(caught.value)
