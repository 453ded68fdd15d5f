import pytest

from harness.basics.file_names import folded, is_reserved, usable


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
