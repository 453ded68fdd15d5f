import os

import pytest

from harness.basics.reading import check_regular, plain_toml, read_toml, read_whole
from harness.errors import DataError, UsageError


def test_a_regular_file_is_read_up_to_its_limit_and_not_beyond(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"12345")

    assert read_whole(path, 5, "the list") == b"12345"
    assert check_regular(path, "the list") == 5
    with pytest.raises(DataError, match="the list is too large") as caught:
        read_whole(path, 4, "the list")
    assert (caught.value.where, caught.value.expected) == (path, "at most 4 bytes")


def test_a_link_to_a_regular_file_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").symlink_to("a")

    assert read_whole(tmp_path / "b", 10, "the list") == b"1"


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes by name")
@pytest.mark.parametrize(
    ("make", "found"), [(pipe, "a pipe"), (device, "a device"), (lambda path: path.mkdir(), "a folder")]
)
def test_what_is_no_regular_file_is_named_and_not_waited_for(tmp_path, make, found):
    path = tmp_path / "list.txt"
    make(path)

    for read in (lambda: read_whole(path, 100, "the list", error=UsageError), lambda: check_regular(path, "the list")):
        with pytest.raises((UsageError, DataError), match="the list is no regular file") as caught:
            read()
        assert caught.value.found == found


@pytest.mark.parametrize(
    ("name", "what", "found"),
    [
        ("none", "the list is missing", None),
        ("a\0b", "the list cannot be read", "embedded null byte"),
        ("a" * 5000, "the list cannot be read", "File name too long"),
    ],
)
def test_a_file_that_cannot_be_there_gets_the_next_step(tmp_path, name, what, found):
    for read in (read_whole, lambda path, _most, *about, **words: check_regular(path, *about, **words)):
        with pytest.raises(DataError, match=what) as caught:
            read(tmp_path / name, 100, "the list", next_step="copy it")
        assert (caught.value.found, caught.value.next_step) == (found, "copy it")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = " + "[" * 5000, "nested too deeply"),
        ("x = " + "[" * 100 + "]" * 100, "more than 64 levels"),
        (".".join("a" * 600) + " = 1", "more than 64 levels"),
        ("x = " + "9" * 5000, "more than 64 bits"),
        ("x = [9223372036854775808]", "more than 64 bits"),
        ("x = ", "Invalid value"),
    ],
)
def test_toml_on_which_later_code_would_fail_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        plain_toml(text)


def test_usual_toml_is_read():
    assert plain_toml('a = 9223372036854775807\n[b.c]\nd = [1.5, "x", true, inf]\n') == {
        "a": 2**63 - 1,
        "b": {"c": {"d": [1.5, "x", True, float("inf")]}},
    }


def test_a_users_toml_comes_with_its_lines_and_is_refused_by_its_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\n[b]\n")

    assert read_toml(path, 100, "my file") == ({"a": 1, "b": {}}, ["a = 1", "[b]"])
    for content in (b"a = ", b"\xff", b"x = " + b"[" * 5000):
        path.write_bytes(content)
        with pytest.raises(UsageError, match="my file is not valid TOML") as caught:
            read_toml(path, 10_000, "my file")
        assert caught.value.where == path
