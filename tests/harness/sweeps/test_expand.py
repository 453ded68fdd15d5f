import pytest

from harness.errors import UsageError
from harness.sweeps import expand as module
from harness.sweeps.expand import expand, short_name
from tests.harness.sweeps.made import KNOWN, sweep_of


def commands(folder, text):
    return [" ".join(run.words) for run in expand(sweep_of(folder, text), KNOWN)]


def refused(folder, text):
    with pytest.raises(UsageError) as caught:
        expand(sweep_of(folder, text), KNOWN)
    return str(caught.value)


def test_every_value_of_a_list_meets_every_other_and_a_later_table_adds_its_own(tmp_path):
    found = commands(
        tmp_path,
        """
        [[run]]
        method = ["a", "b/no-x"]
        protocol = "veri776"
        seed = [0, 1]
        [[run]]
        method = "c"
        protocol = ["veri776", "vric/main"]
        """,
    )

    assert found == [
        "run --method a --protocol veri776 --seed 0 --runs runs",
        "run --method a --protocol veri776 --seed 1 --runs runs",
        "run --method b/no-x --protocol veri776 --seed 0 --runs runs",
        "run --method b/no-x --protocol veri776 --seed 1 --runs runs",
        "run --method c --protocol veri776 --runs runs",
        "run --method c --protocol vric/main --runs runs",
    ]


def test_options_are_written_as_after_set_and_each_of_a_list_in_turn(tmp_path):
    found = commands(
        tmp_path,
        """
        [[run]]
        method = "a"
        protocol = "p"
        [run.set]
        epochs = [1, 2]
        steps = [[40, 70]]
        flip = true
        """,
    )

    assert found == [
        f"run --method a --protocol p --set epochs={epochs} --set steps=40,70 --set flip=true --runs runs"
        for epochs in (1, 2)
    ]


def test_defaults_hold_where_a_table_says_nothing_and_options_are_joined(tmp_path):
    found = commands(
        tmp_path,
        """
        runs = "elsewhere"
        plugin = ["mine.py"]
        [defaults]
        seed = 3
        measure = ["minp", "cmc@20"]
        skip-broken = true
        set = { epochs = 1, p = 4 }
        [[run]]
        method = "a"
        protocol = "p"
        set.epochs = 2
        [[run]]
        method = "b"
        protocol = "p"
        seed = 0
        skip-broken = false
        """,
    )

    both = "--plugin mine.py --runs elsewhere"
    measures = "--measure minp --measure cmc@20"
    assert found == [
        f"run --seed 3 {measures} --skip-broken --method a --protocol p --set epochs=2 --set p=4 {both}",
        f"run --seed 0 {measures} --method b --protocol p --set epochs=1 --set p=4 {both}",
    ]


def test_the_folders_of_the_data_sets_are_given_once(tmp_path):
    found = commands(
        tmp_path,
        """
        data = { veri776 = "VeRi", vric = "VRIC" }
        [[run]]
        method = "a"
        protocol = ["veri776/image-to-track", "synthetic"]
        train-on = "vric"
        [[run]]
        method = "a"
        protocol = "veri776"
        data = "other copy"
        """,
    )

    trained = "--train-data VRIC --method a --protocol {} --train-on vric --runs runs"
    assert found == [
        "run --data VeRi " + trained.format("veri776/image-to-track"),
        "run " + trained.format("synthetic"),
        "run --data other copy --method a --protocol veri776 --runs runs",
    ]


def test_each_of_several_training_sets_gets_its_folder(tmp_path):
    found = commands(
        tmp_path,
        """
        data = { veri776 = "VeRi", vric = "VRIC" }
        [[run]]
        method = "a"
        protocol = "veri776"
        train-on = "vric+veri776+synthetic"
        """,
    )

    assert found == [
        "run --data VeRi --train-data vric=VRIC,veri776=VeRi --method a --protocol veri776 "
        "--train-on vric+veri776+synthetic --runs runs"
    ]


def test_excluded_runs_are_those_that_agree_with_everything_in_a_table(tmp_path):
    found = commands(
        tmp_path,
        """
        [[run]]
        method = ["a", "b"]
        protocol = "p"
        seed = [0, 1]
        set.epochs = [1, 2]
        [[exclude]]
        method = "a"
        seed = [0, 1]
        set.epochs = 2
        [[exclude]]
        method = "b"
        """,
    )

    assert found == [f"run --method a --protocol p --seed {seed} --set epochs=1 --runs runs" for seed in (0, 1)]


def test_the_same_run_in_two_tables_is_one(tmp_path):
    text = "[[run]]\nmethod = 'a'\nprotocol = 'p'\n"

    assert len(commands(tmp_path, text + text)) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("protocol = 'p'", "a run has no method"),
        ("method = 'a'", "a run has no protocol"),
        ("method = 'a'\nprotocol = 'p'\nseeds = [1]", "did you mean 'seed'?"),
        ("method = 'a'\nprotocol = 'p'\nseed = []", "line 4"),
        ("method = 'a'\nprotocol = 'p'\nseed = { a = 1 }", "'seed' is neither a number nor a word"),
        ("method = 'a'\nprotocol = 'p'\nseed = true", "'seed' takes a value"),
        ("method = 'a'\nprotocol = 'p'\nskip-broken = 1", "true or false"),
        ("method = 'a'\nprotocol = 'p'\nset = 3", "the options of the method are no table"),
        ("method = 'a'\nprotocol = 'p'\nset.x = 2020-01-01", "'x' is neither a number nor a word"),
        ("method = 'a'\nprotocol = 'p'\n[[exclude]]\nmethod = 'b'", "a table excludes nothing"),
        ("method = 'a'\nprotocol = 'p'\n[[exclude]]", "a table excludes everything"),
        ("method = 'a'\nprotocol = 'p'\n[[exclude]]\nmethod = 'a'", "no run is left"),
        ("method = 'a'\nprotocol = 'p'\n[defaults]\nsed = 1", "in [defaults]"),
    ],
)
def test_a_table_that_cannot_be_meant_is_one_message(tmp_path, text, expected):
    assert expected in refused(tmp_path, f"[[run]]\n{text}\n")


def test_a_product_that_nobody_can_have_meant_ends_early(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST", 10)

    assert "too many runs" in refused(
        tmp_path, f"[[run]]\nmethod = 'a'\nprotocol = 'p'\nseed = {list(range(1000))}\nset.x = {list(range(1000))}\n"
    )


def test_the_name_of_a_log_is_safe_whatever_the_words_are(tmp_path):
    (run,) = expand(sweep_of(tmp_path, "[[run]]\nmethod = 'a/../b|c'\nprotocol = 'x/my.toml'\n"), KNOWN)

    assert short_name(run, 7) == "007-a----b-c-my-0"
