import pytest

from harness.corruptions.corruption import check_severity
from harness.corruptions.suite import Suite, parse_names, parse_severities
from harness.errors import UsageError


def test_severities_are_sorted():
    assert parse_severities(" 5, 1,3") == (1, 3, 5)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("0", "0"),
        ("6", "6"),
        ("1,-1", "-1"),
        ("2.5", "2.5"),
        ("", "nothing"),
        ("1,,2", "nothing"),
        ("²", "²"),
        ("10", "10"),
    ],
)
def test_a_severity_out_of_range_is_refused_with_the_range(words, found):
    with pytest.raises(UsageError, match="a severity is out of range") as refused:
        parse_severities(words)

    assert str(refused.value.found) == found
    assert "from 1 to 5" in str(refused.value)
    assert (refused.value.next_step is not None) == (found == "0")


@pytest.mark.parametrize("severity", [0, 6, True, 2.0, "3", None])
def test_in_python_too_a_severity_is_a_whole_number_from_1_to_5(severity):
    with pytest.raises(UsageError, match="out of range"):
        check_severity(severity)


def test_what_is_given_twice_is_refused():
    with pytest.raises(UsageError, match="a severity is given twice"):
        parse_severities("1,2,1")
    with pytest.raises(UsageError, match="a corruption is named twice"):
        parse_names("rain,rain", ["fog", "rain"])
    with pytest.raises(UsageError, match="the name of a corruption is missing"):
        parse_names("rain,", ["fog", "rain"])


def test_names_stand_in_the_order_of_tables_whatever_was_typed():
    assert parse_names("rain, fog", ["fog", "rain", "snow"]) == ("fog", "rain")
    assert parse_names("all", ["fog", "rain"]) == ("fog", "rain")
    assert parse_names("x,rain", ["fog", "rain"]) == ("rain", "x")


def test_a_suite_has_every_corruption_at_every_severity_on_its_sides():
    suite = Suite({"fog": None, "rain": None}, (1, 5), "gallery")

    assert list(suite.conditions) == [("fog", 1), ("fog", 5), ("rain", 1), ("rain", 5)]
    assert (suite.spoils("query"), suite.spoils("gallery")) == (False, True)
    assert Suite({}, on="both").spoils("query")
