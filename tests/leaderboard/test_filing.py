import pytest

from harness.basics.file_names import is_reserved
from leaderboard.filing import slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [("VeRi-776/image to image", "veri-776-image-to-image"), ("..", "x"), ("Con", "con-x"), ("aux.", "aux-x")],
)
def test_a_name_becomes_part_of_a_path_on_any_system(name, expected):
    assert slug(name) == expected
    assert not is_reserved(slug(name))


def test_a_long_name_is_cut():
    assert len(slug("long " * 100)) <= 62
