import pytest

from harness.errors import DataError
from plugins.layers.labels import kind_among, require_labels


def test_the_kind_of_a_vehicle_is_its_model_or_else_its_type():
    assert [kind_among(labels) for labels in ({"model", "type"}, {"model"}, {"type"}, set())] == [
        "model",
        "model",
        "type",
        "type",
    ]


def test_missing_labels_are_named_with_those_that_exist_and_the_next_step():
    require_labels({"vehicle": 3, "colour": 2}, ("colour",), purpose="ram", next_step="use another")
    with pytest.raises(DataError) as caught:
        require_labels({"vehicle": 3}, ("colour", "type"), purpose="ram", next_step="use another")
    for words in ("ram trains with", "colour, type", "vehicle", "colour and model or type", "use another"):
        assert words in str(caught.value)
