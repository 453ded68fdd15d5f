import re

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.data.lists import MAX_BYTES, Problems, leads_out, parse, read_lines, refuse_shared_vehicles, release_folder
from harness.errors import DataError

WORD = re.compile(r"([a-z]+)")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_do_on_any_system_and_may_end_in_blanks(tmp_path, end):
    (tmp_path / "list").write_bytes(f"\N{BYTE ORDER MARK}a{end}{end}b \t{end}c".encode())

    assert read_lines(tmp_path / "list") == ["a", "", "b", "c"]


def test_unusual_separators_inside_a_line_do_not_shift_the_line_numbers(tmp_path):
    (tmp_path / "list").write_bytes("a\u2028b\x1cc\nd\n".encode())

    assert read_lines(tmp_path / "list") == ["a\u2028b\x1cc", "d"]


def test_a_missing_an_empty_and_a_huge_list_each_have_their_message(tmp_path):
    with pytest.raises(DataError, match=r"the list is missing\n  where: .*nowhere"):
        read_lines(tmp_path / "nowhere")
    (tmp_path / "empty").write_text("\n \n")
    with pytest.raises(DataError, match="the list is empty"):
        read_lines(tmp_path / "empty")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(DataError, match="list is too large"):
        read_lines(tmp_path / "huge")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="the list is no regular file"):
        read_lines(tmp_path / "folder")


def test_ten_bad_lines_are_shown_with_their_numbers_and_the_rest_counted(tmp_path):
    (tmp_path / "list").write_text("good\n" + "".join(f"{number}\n" for number in range(13)))
    problems = Problems(tmp_path)

    rows = parse(tmp_path / "list", WORD, "word", problems)

    assert rows == [(1, ("good",))]
    with pytest.raises(DataError) as raised:
        problems.check()
    message = str(raised.value)
    assert "13 lines of the lists cannot be used" in message
    assert "\n    list:2: '0' is not like 'word'" in message
    assert "\n    list:11: '9'" in message
    assert "list:12" not in message
    assert "and 3 more" in message


def test_a_bad_line_is_shown_without_its_control_characters_and_not_at_full_length(tmp_path):
    (tmp_path / "list").write_bytes(b"\x1b[31m" + b"x" * 1000)
    problems = Problems(tmp_path)
    parse(tmp_path / "list", WORD, "word", problems)

    assert problems.found[0].isprintable()
    assert len(problems.found[0]) < 150


def test_text_that_is_not_utf8_is_refused_since_two_names_could_become_one(tmp_path):
    (tmp_path / "list").write_bytes(b"a\n\xbe\xa9b\n")
    with pytest.raises(DataError, match=r"the list is not in UTF-8\n  where: .*list:2\n  found: b'.xbe.xa9b"):
        read_lines(tmp_path / "list")


@pytest.mark.parametrize(
    "key", ["../a", "/etc/passwd", "a/../../b", "a\\b", "C:/a", "C:a", "a//b", "", ".", "a/.", "a\0b", "a\nb", "~/../a"]
)
def test_paths_that_could_leave_the_folder_are_known(key):
    assert leads_out(key)


@given(st.lists(st.text("abc019._-~ é", min_size=1).filter(lambda part: part not in {".", ".."}), min_size=1))
def test_paths_of_plain_parts_stay_inside(parts):
    assert not leads_out("/".join(parts))


def test_no_vehicle_may_be_trained_on_and_tested(tmp_path):
    refuse_shared_vehicles(tmp_path, np.array([1, 2]), np.array([3]))
    with pytest.raises(DataError, match=r"2 vehicles .* test lists(.|\n)*found: 2, 3"):
        refuse_shared_vehicles(tmp_path, np.array([1, 2, 3]), np.array([3, 2, 2]))


def test_the_release_is_found_where_it_is_or_one_folder_deeper(tmp_path):
    with pytest.raises(DataError, match=r"lists are not here\n(.|\n)*expected: list or other"):
        release_folder(tmp_path, ["list", "other"])
    (tmp_path / "VeRi").mkdir()
    (tmp_path / "VeRi" / "list").write_text("")
    assert release_folder(tmp_path, ["list"]) == tmp_path / "VeRi"
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "list").write_text("")
    with pytest.raises(DataError, match=r"several folders(.|\n)*found: VeRi, copy|copy, VeRi"):
        release_folder(tmp_path, ["list"])
    (tmp_path / "list").write_text("")
    assert release_folder(tmp_path, ["list"]) == tmp_path


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        release_folder(tmp_path / "nowhere", ["list"])
