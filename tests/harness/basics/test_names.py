import pytest

from harness.basics.names import folded, is_name, is_part, is_reserved, is_shown, usable


@pytest.mark.parametrize("text", ["pgan", "f_f+f_g", "bn-r", "d4", "256", "one.two", "a@b", "X" * 100])
def test_names_of_variants_can_be_parts_of_paths(text):
    assert is_part(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a..b",
        "a.",
        ".a",
        "-a",
        "a/b",
        "x/../../outside",
        "a\\b",
        "C:a",
        "a b",
        "a\n",
        "a\0",
        "é",
        "\u202ea",
        "X" * 101,
    ],
)
def test_what_could_lead_out_of_a_folder_cannot(text):
    assert not is_part(text)


def test_registered_names_are_parts_of_paths_and_words_that_are_shown():
    for text in ("strong-baseline", "a_b", "veri776"):
        assert is_name(text)
        assert is_part(text)
    assert not is_name("A")
    assert not is_name("a" * 65)


@pytest.mark.parametrize(("text", "expected"), [("w/o attention (é)", True), ("a\x1b[31m", False), ("x" * 1001, False)])
def test_a_word_that_is_only_shown_has_no_control_characters(text, expected):
    assert is_shown(text) is expected


@pytest.mark.parametrize("name", ["con", "NUL", "Aux.txt", "com1", "LPT9.tar.gz", "com\u00b9", "prn ", "CONOUT$"])
def test_what_windows_reserves_gets_another_name(name):
    assert is_reserved(name)
    assert not is_reserved(usable(name))


@pytest.mark.parametrize("name", ["cars", "console", "com10", "nullable", "x-con", "con-veri776", ""])
def test_other_names_stay(name):
    assert not is_reserved(name)
    assert usable(name) == name


def test_names_are_one_if_only_case_or_composition_differs():
    assert folded("Citroe\u0308n/A.JPG") == folded("CITRO\u00cbN/a.jpg")
    assert folded("stra\u00dfe") == folded("STRASSE")
    assert folded("a.jpg") != folded("b.jpg")
