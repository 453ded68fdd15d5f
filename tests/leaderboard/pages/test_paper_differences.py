import pytest

from harness.tasks.reranking import Reranking
from leaderboard.boards import build_boards
from leaderboard.pages.paper_differences import published_differences
from leaderboard.published.tables import published_tables
from leaderboard.record_files import RecordFile
from tests.made_up import column, library, paper, row, table
from tests.records import record

TRACKS = [column(measure, task="image-to-track") for measure in ("ap", "rank@1")]


def found(documents, **fields):
    """Return the published numbers for a measured row of pr-reid on veri776/image-to-track."""
    about = {
        "method": "pr-reid",
        "protocol": "veri776",
        "task": "image-to-track",
        "width": 256,
        "input_size": (256, 256),
    }
    measured = record(**{**about, "measures": {"ap": 0.7, "hit@1": 0.9}, **fields})
    [board] = build_boards([RecordFile(measured, None)])
    return list(published_differences(board.rows[0], published_tables(library(*documents))))


def pr_reid(*values, **fields):
    return {**row("Ours", *values, own=True, **fields), "method": "pr-reid"}


def test_the_published_number_of_the_same_method_and_task_stands_beside():
    ap, hit = found([paper(table(TRACKS, pr_reid("70.2", "92.2", input_size=256, width=256, metric="cosine")))])

    assert (ap.measure, ap.number.shown, ap.source, ap.reasons) == ("ap", "70.2", "a-paper, table 1", ())
    assert ap.difference == pytest.approx(-0.2)
    assert (hit.measure, hit.number.shown) == ("hit@1", "92.2")


@pytest.mark.parametrize(
    ("fields", "measured", "reason"),
    [
        ({"input_size": 512, "width": 256}, {}, "input 512x512, here 256x256"),
        ({"input_size": 256}, {"input_size": (256, 128)}, "input 256x256, here 256x128"),
        ({"metric": "euclidean"}, {}, "metric euclidean, here cosine"),
        ({}, {}, "metric not stated"),
        ({"epochs": "120"}, {"options": {"epochs": 8}}, "epochs 120, here 8"),
        (
            {},
            {"recipe": "quick", "options": {"epochs": 8, "backbone": "resnet18", "weights": "none"}},
            "here with the recipe quick, epochs 8, backbone resnet18, weights none",
        ),
        ({"width": 256}, {}, "input not stated"),
        ({"input_size": 256, "width": 2048}, {}, "width 2048, here 256"),
        ({"supervision": ["part boxes in training"]}, {}, "published with boxes.regions, measured with none"),
        ({"supervision": ["colour"]}, {"needs": ("colour",)}, None),
        ({"train_on": "vru"}, {}, "trained on vru, here on veri776"),
        ({}, {"official": False, "differences": ("one is missing",)}, "measured on data that differ from the release"),
    ],
)
def test_the_known_reasons_for_a_difference_are_named(fields, measured, reason):
    reasons = found([paper(table(TRACKS, pr_reid("70.2", "92.2", **fields)))], **measured)[0].reasons

    if reason is None:
        assert not any("measured with" in one for one in reasons)
    else:
        assert reason in reasons


def test_a_number_whose_task_is_not_stated_stands_beside_with_that_as_a_reason():
    [ap] = found([paper(table([column("ap")], pr_reid("74.3", input_size=256, width=256, metric="cosine")))])

    assert ap.reasons == ("the rule is not stated",)


@pytest.mark.parametrize(
    "document",
    [
        paper(table([column("ap", task="image-to-image")], pr_reid("74.3"))),
        paper(table(TRACKS, row("ram", "61.5", "88.6"))),
        paper(table(TRACKS, {**pr_reid("61.5", "88.6"), "variant": "baseline"})),
        paper(table([column("rank@5", task="image-to-track")], pr_reid("98.7"))),
        paper(table([column("ap", "vric")], pr_reid("50"))),
    ],
    ids=["another task", "another method", "another variant", "another measure", "another data set"],
)
def test_a_number_of_something_else_does_not(document):
    assert found([document]) == []


def test_a_number_of_other_options_stands_beside_none_of_the_method_as_published():
    assert not found([paper(table(TRACKS, pr_reid("70.2", "92.2")))], options={"width": 64}, changes={"width": "64"})


def test_a_longer_training_is_the_same_row_of_the_paper_with_that_as_a_reason():
    documents = [paper(table(TRACKS, pr_reid("70.2", "92.2", epochs="120")))]
    reasons = found(documents, options={"epochs": 60}, changes={"epochs": "60"})[0].reasons

    assert "epochs 120, here 60" in reasons


def test_an_alias_is_the_same_row_of_the_paper():
    document = paper(table(TRACKS, {**pr_reid("61.5", "88.6"), "variant": "fused"}))

    assert [one.number.shown for one in found([document], aliases=("fused",))] == ["61.5", "88.6"]


def test_a_re_ranked_number_stands_beside_none_of_the_features_alone():
    assert not found([paper(table(TRACKS, pr_reid("70.2", "92.2")))], rerank=Reranking())


def test_a_convention_is_another_rule_and_not_other_data():
    document = paper(table([column("ap")], pr_reid("74.3", input_size=256, width=256, metric="cosine")))
    reasons = [one.reasons for one in found([document], official=False, convention="trapezoid-ap")]

    assert reasons == [("the rule is not stated", "measured by another rule, trapezoid-ap")]
