"""A checkpoint of a stranger names no folder to write into, and no word that the method does not have."""

from pathlib import Path

from harness.methods.checkpoint import load_checkpoint, save_checkpoint

WORDS = [
    ({"variant": "x/../../outside"}, "description is damaged"),
    ({"variant": "x/../../outside", "recipe": "no-longer-here"}, "description is damaged"),
    ({"recipe": "../../outside"}, "description is damaged"),
    ({"variant": "shorter"}, "a variant that method 'tiny' does not have"),
    ({"method": "../tiny"}, "description is damaged"),
    ({"options": {"wheels": 4}}, "an option that method 'tiny' does not have"),
    ({"options": {"input_size": "wide"}}, "does not fit the method 'tiny'"),
    ({"classes": {"vehicle": 10**7}}, "description is damaged"),
]


def test_nothing_is_written_for_a_checkpoint_whose_words_are_not_its_methods(bench):
    bench("train", "--method", "tiny", json_wanted=False)
    state, info = load_checkpoint(next(Path("runs").rglob("checkpoint.safetensors")))
    for words, message in WORDS:
        # Words are checked when a description is read, not when it is copied.
        path = save_checkpoint(Path("stranger") / "c.safetensors", state, info.model_copy(update=words))
        before = sorted(map(str, Path().rglob("*")))

        done = bench("run", "--method", "tiny", "--checkpoint", path, status=2)

        assert message in done.output, words
        assert sorted(map(str, Path().rglob("*"))) == before, words
        assert not Path("../outside").exists(), words
