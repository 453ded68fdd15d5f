import pytest
from pydantic import Field

from harness.basics.digests import file_digest
from harness.methods.files import named_files, portable
from harness.methods.method import Options


class Named(Options):
    weights: str = "imagenet"
    other: str = ""
    number: int = 3


class Several(Options):
    files: tuple[str, ...] = ()
    by_name: dict[str, str] = Field(default_factory=dict)


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


def test_files_in_lists_and_tables_are_told_like_a_single_one(file):
    options = Several(files=(str(file), "a word"), by_name={"first": str(file)})

    assert portable(options) == {"files": ["veri.pth", "a word"], "by_name": {"first": "veri.pth"}}
    assert named_files(options) == dict.fromkeys(("files.0", "by_name.first"), file_digest(file))


def test_a_file_below_the_home_folder_is_told_by_its_content(file, monkeypatch):
    monkeypatch.setenv("HOME", str(file.parent))

    assert portable(Named(weights="~/veri.pth"))["weights"] == "veri.pth"
    assert named_files(Named(weights="~/veri.pth")) == {"weights": file_digest(file)}


@pytest.mark.parametrize("value", ["/home/{}/cache", "C:\\Users\\{}\\cache", "~/{}/cache"])
def test_absolute_paths_where_nothing_is_lose_their_folders(value):
    assert portable(Named(other=value.format("trillian"))) == portable(Named(other="cache"))
