import pytest

from harness.data.delimiters import best_delimiter, fields_of


@pytest.mark.parametrize(
    ("line", "mark"), [("a,b", ","), ("a;b", ";"), ("a\tb", "\t"), ('"a,b,c";d', ";"), ("a", ","), ("", ",")]
)
def test_the_delimiter_gives_the_most_fields(line, mark):
    assert best_delimiter(line, len) == mark


def test_a_score_decides_which_fields_are_right():
    assert best_delimiter("x,y,z;path", lambda names: "path" in names) == ";"


def test_a_line_that_no_delimiter_divides_is_one_field():
    assert best_delimiter("x" * 200_000, len) == ","
    assert fields_of(' a , "b,c" ', ",") == ["a", '"b', 'c"']
