import pytest

from harness.errors import BenchError, DataError, RunError, error_line, first_of, in_one_line, nearest, unknown_name


def test_a_message_says_what_where_found_expected_and_what_to_do_next():
    error = DataError("list is missing", where="a/b.txt", found="nothing", expected="a list", next_step="copy it")

    assert str(error) == ("list is missing\n  where: a/b.txt\n  found: nothing\n  expected: a list\n  next: copy it")


def test_a_mistake_ends_with_2_and_a_failed_run_with_1():
    assert (BenchError("x").exit_status, DataError("x").exit_status, RunError("x").exit_status) == (2, 2, 1)


def test_an_unknown_name_without_anything_near_lists_what_there_is():
    assert "did you mean" not in str(unknown_name("method", "zzz", ["pgan", "ram"]))
    assert "pgan, ram" in str(unknown_name("method", "zzz", ["pgan", "ram"]))


@pytest.mark.parametrize(
    ("found", "near"),
    [
        ("veri", "veri776"),
        ("VeRi", "veri776"),
        ("Veri-776", "veri776"),
        ("VeRi Wild", "veriwild"),
        ("vehicle_id", "vehicleid"),
        ("STRONG_BASELINE", "strong-baseline"),
        ("strong", "strong-baseline"),
        ("to-track-image", "image-to-track"),
        ("?!", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_found_whatever_its_case_punctuation_and_order(found, near):
    names = ["image-to-track", "strong-baseline", "vehicleid", "veri776", "veriwild", "vric"]

    assert nearest(found, names) == near
    assert ("did you mean" in str(unknown_name("name", found, names))) == bool(near)


def test_a_caller_may_know_the_nearest_name_better():
    assert "did you mean 'cmc@1'?" in str(unknown_name("measure", "rank-1", ["ap"], near="cmc@1"))


def test_long_lists_show_ten_and_count_the_rest():
    assert first_of(range(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    assert first_of(["a"]) == "a"


def test_a_message_of_many_lines_is_told_in_one():
    assert in_one_line("a\n\tb  c\n") == "a b c"
    assert in_one_line(ValueError("a\nb"), named=True) == "ValueError: a b"
    assert in_one_line(ValueError(), named=True) == "ValueError"
    assert len(in_one_line("x" * 1000)) == 300


def test_of_a_trace_the_line_with_the_error_is_told():
    assert error_line("Traceback:\n  x = y\n\nRuntimeError: no such size\n") == "RuntimeError: no such size"
    assert error_line("no\nerror here") == "no error here"
