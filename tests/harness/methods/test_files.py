import pytest

from harness.basics.digests import file_digest
from harness.methods.files import named_files, portable
from harness.methods.method import Options


class Named(Options):
    weights: str = "imagenet"
    other: str = ""
    number: int = 3


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "veri.pth"
    path.write_bytes(b"weights")
    return path


def test_a_file_is_told_by_its_base_name_and_its_digest(file):
    options = Named(weights=str(file))

    assert portable(options) == {"weights": "veri.pth", "other": "", "number": 3}
    assert named_files(options) == {"weights": file_digest(file)}


def test_words_stay_as_they_are_even_where_a_folder_has_their_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "imagenet").mkdir()

    assert portable(Named()) == {"weights": "imagenet", "other": "", "number": 3}
    assert named_files(Named()) == {}


def test_a_folder_loses_the_folders_above_it_and_has_no_digest(tmp_path):
    (tmp_path / "model").mkdir()
    options = Named(weights=str(tmp_path / "model"))

    assert portable(options)["weights"] == "model"
    assert named_files(options) == {}


@pytest.mark.parametrize("value", ["a\0b", "x" * 5000, "no/such/file.pth"])
def test_a_text_that_no_path_can_be_stays_as_it_is(value):
    assert portable(Named(weights=value))["weights"] == value
    assert named_files(Named(weights=value)) == {}
