"""The file of a matrix is checked as far as no name has to be looked up."""

import pytest

from harness.errors import UsageError
from leaderboard.across.asked import named_folders, protocol_word, read_asked

WHOLE = """
on = ["veri776", "vric"]
train-on = ["veri776+vric"]
leave-one-out = true
seeds = [0, 1]
[data]
veri776 = "VeRi"
[[row]]
method = "pgan"
"""


def asked(folder, text):
    path = folder / "matrix.toml"
    path.write_text(text)
    return read_asked(path)[0]


def test_a_file_says_what_words_say(tmp_path):
    found = asked(tmp_path, WHOLE)

    assert (found.on, found.train_on, found.seeds) == (["veri776", "vric"], ["veri776+vric"], [0, 1])
    assert found.leave_one_out
    assert (found.runs, found.data, found.row) == ("runs", {"veri776": "VeRi"}, [{"method": "pgan"}])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("leave-one-out", "leave-out-one", "did you mean 'leave-one-out'?"),
        ('on = ["veri776", "vric"]', "", "the matrix has no data set"),
        ('on = ["veri776", "vric"]', "on = []", "the matrix has no data set"),
        ('[[row]]\nmethod = "pgan"', "", "the matrix has no method"),
        ("seeds = [0, 1]", "seeds = [-1]", "'seeds.0' of the matrix does not fit"),
        ("seeds = [0, 1]", 'seeds = ["0"]', "'seeds.0' of the matrix does not fit"),
        ("seeds = [0, 1]", "seeds = 0 1", "the matrix's file is not valid TOML"),
        ("seeds = [0, 1]", 'name = "../x"', "'name' of the matrix does not fit"),
    ],
)
def test_a_file_that_does_not_fit_is_one_message_that_names_it(tmp_path, old, new, message):
    assert old in WHOLE
    with pytest.raises(UsageError, match=message.replace("?", r"\?").replace("[", r"\[")) as caught:
        asked(tmp_path, WHOLE.replace(old, new))
    assert str(caught.value.where) == str(tmp_path / "matrix.toml")


def test_folders_stand_behind_their_names():
    names, folders = named_folders("veri776=a=b, vehicleid/small=../V,vehicleid/large,mine/cars.toml=x")

    assert names == ["veri776", "vehicleid/small", "vehicleid/large", "mine/cars.toml"]
    assert folders == {"veri776": "a=b", "vehicleid": "../V", "mine/cars.toml": "x"}
    assert protocol_word("mine/cars.toml/main") == "mine/cars.toml"
