import pytest

from harness.errors import UsageError
from harness.features.provenance import Embedding
from harness.postprocessing.tuned import (
    MAX_BYTES,
    HeldOutVehicles,
    Tried,
    Tuned,
    TunedFile,
    TunedStep,
    read_tuned,
    weights_digest,
    write_tuned,
)
from harness.registry.registry import load

ABOUT = Embedding(method="mine", seed=1, checkpoint="a" * 64, train_on="synthetic")


def tuned(**changes):
    held_out = HeldOutVehicles(
        split="train", vehicles=8, queries=40, gallery=149, rule="one image", how="held out", seen="no", digest="d" * 64
    )
    fields = {
        "protocol": "synthetic",
        "task": "image-to-image",
        "method": "mine",
        "weights": weights_digest(ABOUT),
        "width": 512,
        "metric": "cosine",
        "measure": "ap",
        "seed": 0,
        "nearest": 150,
        "without": 0.5,
        "value": 1.0,
        "held_out": held_out,
        "chain": [
            TunedStep(step="alpha-qe", options={"alpha": 2.0, "k": 5}),
            TunedStep(step="rerank", options={"k1": 20, "k2": 6, "lambda": 0.3}),
        ],
        "tried": [Tried(chain=["alpha-qe:k=5", "rerank"], value=1e-05)],
    }
    return Tuned(**{**fields, **changes})


@pytest.fixture
def path(tmp_path):
    write_tuned(tmp_path / "tuned.toml", tuned())
    return tmp_path / "tuned.toml"


def test_a_file_says_what_was_written_and_equal_content_gives_equal_bytes(path, tmp_path):
    assert read_tuned(path) == tuned()
    write_tuned(tmp_path / "again.toml", read_tuned(path))
    assert (tmp_path / "again.toml").read_bytes() == path.read_bytes()


def test_names_with_quotes_letters_and_hidden_signs_survive(tmp_path):
    odd = tuned(method='mine ("a\\b", ü)')
    write_tuned(tmp_path / "odd.toml", odd)
    assert read_tuned(tmp_path / "odd.toml").method == odd.method


def test_its_chain_counts_as_chosen_on_held_out_vehicles_and_names_the_file(path):
    chain = TunedFile.read(path).chain(load().step)
    assert (chain.stated.chosen, chain.stated.tuned) == ("held-out", tuned().digest)
    assert tuned().words == ("alpha-qe:alpha=2.0,k=5", "rerank:k1=20,k2=6,lambda=0.3")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"protocol": "veri776"}, "another data set"),
        ({"metric": "euclidean"}, "another metric"),
        ({"width": 2048}, "another width"),
        ({"about": ABOUT.model_copy(update={"method": "other"})}, "another method"),
        ({"about": ABOUT.model_copy(update={"checkpoint": "b" * 64})}, "other weights"),
        ({"about": ABOUT.model_copy(update={"seed": 2})}, "other weights"),
    ],
)
def test_other_features_than_it_was_written_for_are_refused(path, other, message):
    words = {"about": ABOUT, "protocol": "synthetic", "metric": "cosine", "width": 512}
    file = TunedFile.read(path)
    file.refuse_other(**words)
    with pytest.raises(UsageError, match=message) as caught:
        file.refuse_other(**{**words, **other})
    assert caught.value.where == path
    assert "bench tune" in caught.value.next_step


@pytest.mark.parametrize("facts", [{"precision": "32-true"}, {"threads": 4}, {"code": "c" * 64}, {"recipe": "quick"}])
def test_facts_that_are_no_other_weights_do_not_matter(facts):
    assert weights_digest(ABOUT.model_copy(update=facts)) == weights_digest(ABOUT)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"k" = 5}', '"k" = 6}', "changed after it was written"),
        ('seen = "no"', 'seen = "unknown"', "changed after it was written"),
        ("value = 1.0", "value = 0.9", "changed after it was written"),
        ("schema = 1", "schema = 2", "newer schema"),
        ("schema = 1", "", "not written by bench tune"),
        ('metric = "cosine"', 'metric = "manhattan"', "not written by bench tune"),
        ("without = 0.5", "without = nan", "not written by bench tune"),
        ("[held_out]", "[held_out]\nfurther = 1", "not written by bench tune"),
        ("width = 512", "width = [", "not written by bench tune"),
        ("seed = 0", f"seed = {'9' * 5000}", "not written by bench tune"),
    ],
)
def test_a_file_that_was_changed_or_is_another_is_one_message(path, old, new, message):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UsageError, match=message) as caught:
        read_tuned(path)
    assert caught.value.where == path
    assert len(str(caught.value)) < 700


def test_a_file_that_is_missing_too_large_or_no_text_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is missing"):
        read_tuned(tmp_path / "none.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(UsageError, match="too large"):
        read_tuned(tmp_path / "large.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not written by bench tune"):
        read_tuned(tmp_path / "odd.toml")
