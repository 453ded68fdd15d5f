"""Keys and images go together in the first way that is complete, or not at all."""

import pytest

from harness.errors import FeatureError
from harness.exchange.matching import match

PATHS = ["image_query/0002_c1_1.jpg", "image_test/0002_c2_5.jpg", "image_test/0003_c1_9.png"]


@pytest.mark.parametrize(
    ("way", "form"),
    [
        ("relative path", str),
        ("relative path", lambda path: f"./{path}"),
        ("relative path", lambda path: path.replace("/", "\\")),
        ("absolute path", lambda path: f"/home/x/VeRi/{path}"),
        ("absolute path", lambda path: f"D:\\VeRi\\{path}".replace("/", "\\")),
        ("file name", lambda path: path.rpartition("/")[2]),
        ("file name", lambda path: f"/another/folder/{path.rpartition('/')[2]}"),
        ("stem", lambda path: path.rpartition("/")[2].partition(".")[0]),
        ("stem", lambda path: path.replace("jpg", "npy")),
    ],
)
def test_the_first_complete_way_is_taken(way, form):
    found = match([form(path) for path in reversed(PATHS)], PATHS, where="f")

    assert found.way == way
    assert found.rows.tolist() == [2, 1, 0]
    assert (found.missing, found.extra) == ((), ())


def test_composed_and_decomposed_letters_are_equal():
    assert match(["images/Zu\u0308rich.jpg"], ["images/Z\u00fcrich.jpg"], where="f").way == "relative path"


def test_names_that_several_images_share_are_refused():
    with pytest.raises(FeatureError, match="are those of several images") as caught:
        match(["1.jpg"], ["query/1.jpg", "gallery/1.jpg"], where="f")
    assert "--order query,gallery" in str(caught.value)


def test_doubled_keys_are_refused_and_named():
    with pytest.raises(FeatureError, match="1 keys occur more than once") as caught:
        match([*PATHS, PATHS[1]], PATHS, where="f")
    assert PATHS[1] in str(caught.value.found)


def test_a_later_way_is_taken_if_an_earlier_one_is_incomplete():
    keys = [PATHS[0], *(path.rpartition("/")[2] for path in PATHS[1:])]

    assert match(keys, PATHS, where="f").way == "file name"


def test_keys_of_another_data_set_are_shown_beside_those_that_are_wanted():
    with pytest.raises(FeatureError, match="no key of the file is that of an image") as caught:
        match(["a/1.jpg", "a/2.jpg", "a/3.jpg"], PATHS, where="f")

    assert caught.value.found == (
        "the file has a/1.jpg, a/2.jpg and 1 more; the protocol wants image_query/0002_c1_1.jpg, "
        "image_test/0002_c2_5.jpg and 1 more"
    )


def test_a_part_of_the_images_is_matched_only_if_that_is_wanted():
    with pytest.raises(FeatureError, match="2 of 3 images have no feature") as caught:
        match([PATHS[0], "other.jpg"], PATHS, where="f")
    assert "1 keys are of no image: other.jpg" in str(caught.value.found)

    found = match([PATHS[0], "other.jpg"], PATHS, where="f", partly=True)

    assert found.rows.tolist() == [0, -1, -1]
    assert found.missing == tuple(PATHS[1:])


SHARED = [f"{folder}/{number}.jpg" for folder in ("query", "gallery") for number in range(5)]
"""Queries and gallery with the same file names."""


@pytest.mark.parametrize("root", ["", "/home/x/VeRi/"])
@pytest.mark.parametrize("given", [SHARED[:-1], SHARED[1:], SHARED[:5]], ids=["no last", "no query", "queries alone"])
def test_missing_rows_are_said_to_be_missing_where_images_share_file_names(given, root):
    keys = [root + path for path in given]
    lost = len(SHARED) - len(given)

    with pytest.raises(FeatureError, match=f"{lost} of 10 images have no feature"):
        match(keys, SHARED, where="f")
    found = match(keys, SHARED, where="f", partly=True)

    assert found.way == ("absolute path" if root else "relative path")
    assert (found.matched, len(found.missing)) == (len(given), lost)


def test_file_names_that_are_shared_are_refused_even_if_a_part_is_wanted():
    with pytest.raises(FeatureError, match="8 keys are those of several images"):
        match([f"{number}.jpg" for number in range(1, 5)] * 2, SHARED, where="f", partly=True)
