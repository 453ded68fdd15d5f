import pytest

from harness.errors import UsageError
from harness.sweeps.toml_file import MAX_BYTES, check_keys, read_sweep
from tests.harness.sweeps.made import sweep_of

RUN = '[[run]]\nmethod = "random"\nprotocol = "synthetic"\n'


def refused(folder, text):
    with pytest.raises(UsageError) as caught:
        sweep_of(folder, text)
    return str(caught.value)


def test_a_file_of_one_table_is_enough(tmp_path):
    file = sweep_of(tmp_path, RUN, name="my sweep.toml")

    assert file.name == "my-sweep"
    assert str(file.folder) == "runs/sweeps/my-sweep"
    assert file.content.run == [{"method": "random", "protocol": "synthetic"}]


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "sweep.toml").write_bytes(b"\xef\xbb\xbf" + RUN.replace("\n", "\r\n").encode())

    assert len(read_sweep(tmp_path / "sweep.toml").content.run) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RUN + "seed = \n", "line 4"),
        ("", "a table [[run]] with method = ..."),
        ("run = []", "a table [[run]] with method = ..."),
        ("[[runs]]\nmethod = 'random'\n", "expected: [[run]]"),
        ("[[rnu]]\nmethod = 'random'\n", "did you mean 'run'"),
        ("seed = 3\n" + RUN, "put a word of a run below [defaults] or [[run]]"),
        ("plugins = ['a.py']\n" + RUN, "did you mean 'plugin'"),
        ("name = '../up'\n" + RUN, "'name' of the sweep does not fit"),
        ("[run]\nmethod = 'random'\n", "[[run]], with two brackets"),
        ("[exclude]\nmethod = 'random'\n" + RUN, "[[exclude]], with two brackets"),
        ("[data]\nveri776 = 3\n" + RUN, "'data.veri776' of the sweep does not fit"),
    ],
)
def test_a_wrong_file_is_one_message_with_its_place(tmp_path, text, expected):
    message = refused(tmp_path, text)

    assert expected in message
    assert "sweep.toml" in message


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a = " + b"[" * 100_000, b"#" * (MAX_BYTES + 1)])
def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path, content):
    (tmp_path / "sweep.toml").write_bytes(content)

    with pytest.raises(UsageError, match=r"not valid TOML|too large"):
        read_sweep(tmp_path / "sweep.toml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match="is missing"):
        read_sweep(tmp_path / "none.toml")


def test_a_place_names_the_line_of_the_key_in_the_right_table(tmp_path):
    file = sweep_of(
        tmp_path,
        """
        [[run]]  # the first
        method = "random"
        protocol = "synthetic"

        [[run]]
        protocol = "synthetic"
        method = "ram"
        [run.set]
        epochs = 3
        """,
    )
    place = file.place("run", 2)

    assert place.at() == f"{file.path}, line 6, in [[run]] 2"
    assert place.at("method") == f"{file.path}, line 8, in [[run]] 2"
    assert place.at("set") == f"{file.path}, line 6, in [[run]] 2"
    assert file.place("run", 1).at("method") == f"{file.path}, line 3, in [[run]] 1"
    assert file.place("engine.slurm").at("partition") == f"{file.path}, in [engine.slurm]"


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_right_one(tmp_path):
    file = sweep_of(tmp_path, RUN + "sed = 3\n")

    with pytest.raises(UsageError) as caught:
        check_keys(file.content.run[0], ["method", "protocol", "seed"], file.place("run", 1))

    assert "unknown word of a run 'sed'; did you mean 'seed'?" in str(caught.value)
    assert f"where: {file.path}, line 4, in [[run]] 1" in str(caught.value)
