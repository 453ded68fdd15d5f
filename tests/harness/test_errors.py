from harness.errors import BenchError, DataError, RunError, first_of, unknown_name


def test_a_message_says_what_where_found_expected_and_what_to_do_next():
    error = DataError("list is missing", where="a/b.txt", found="nothing", expected="a list", next_step="copy it")

    assert str(error) == ("list is missing\n  where: a/b.txt\n  found: nothing\n  expected: a list\n  next: copy it")


def test_a_mistake_ends_with_2_and_a_failed_run_with_1():
    assert (BenchError("x").exit_status, DataError("x").exit_status, RunError("x").exit_status) == (2, 2, 1)


def test_an_unknown_name_without_anything_near_lists_what_there_is():
    assert "did you mean" not in str(unknown_name("method", "zzz", ["pgan", "ram"]))
    assert "pgan, ram" in str(unknown_name("method", "zzz", ["pgan", "ram"]))


def test_long_lists_show_ten_and_count_the_rest():
    assert first_of(range(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    assert first_of(["a"]) == "a"
