"""Rules for a document's text: each has a document that it must catch and one that it must not."""

import pytest

from leaderboard.audit.rules import RULES
from tests.made_up import column, library, paper, row, table

AP, TOP1 = column("ap"), column("rank@1")


def findings(rule, *documents):
    return list(RULES[rule](library(*documents)))


def marked(*columns):
    return paper(table([AP, TOP1], row("BN+R", "60.9", "88.7"), row("RAM", "61.5", "88.6", marked=columns)))


def test_a_bold_value_that_is_not_the_highest_is_found():
    found = findings("marked-not-best", marked(1, 2))

    assert [one.says for one in found] == ["88.6 % is marked, though BN+R has 88.7 %"]


def test_a_bold_value_that_is_the_highest_is_not():
    assert not findings("marked-not-best", marked(1))


ROWS = [row("VAMI", "50.0", "77.0"), row("base", "60.0", "80.0", own=True), row("ours", "66.0", "76.0", own=True)]


def cell(row_number, column_number):
    return {"table": "1", "row": row_number, "column": column_number}


def claiming(kind, value="", **fields):
    claim = {"kind": kind, "where": "abstract", "says": "it is so", "value": value, **fields}
    return paper(table([AP, TOP1], *ROWS), claim=[claim])


@pytest.mark.parametrize(
    "claim",
    [
        claiming("value", "66.1", of=[cell(3, 1)]),
        claiming("mean", "62", of=[cell(2, 1), cell(3, 1)]),
        claiming("gain", "6.1", of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain", "6", relative=True, of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain", ">0", of=[cell(3, 2)], over=[cell(2, 2)]),
        claiming("gain", "1..2", of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain over the best", "30", relative=True, of=[cell(3, 1), cell(3, 2)]),
        claiming("best", of=[cell(3, 2)]),
        claiming("best", of=[cell(3, 2)], against="all", but=[1]),
        claiming("rises", of=[cell(1, 2), cell(2, 2), cell(3, 2)]),
        claiming("equal", of=[cell(2, 1), cell(2, 2)], over=[cell(3, 1), cell(2, 2)]),
    ],
    ids=lambda claim: f"{claim.claim[0].kind} {claim.claim[0].value}",
)
def test_a_claim_that_the_table_does_not_give_is_found(claim):
    found = findings("claim-fails", claim)

    assert len(found) == 1
    assert "abstract says: it is so" in found[0].says


@pytest.mark.parametrize(
    "claim",
    [
        claiming("value", "66", of=[cell(3, 1)]),
        claiming("mean", "63", of=[cell(2, 1), cell(3, 1)]),
        claiming("gain", "6.0", of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain", "10", relative=True, of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain", ">0", of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain", "5..7", of=[cell(3, 1)], over=[cell(2, 1)]),
        claiming("gain over the best", "32", relative=True, of=[cell(3, 1), cell(3, 2)]),
        claiming("best", of=[cell(3, 1)]),
        claiming("best", of=[cell(3, 2)], but=[1]),
        claiming("best", of=[cell(3, 1)], against="all"),
        claiming("rises", of=[cell(1, 1), cell(2, 1), cell(3, 1)]),
        claiming("rises", of=[cell(1, 1), cell(1, 1)]),
        claiming("equal", of=[cell(2, 1)], over=[cell(2, 1)]),
    ],
    ids=lambda claim: f"{claim.claim[0].kind} {claim.claim[0].value}",
)
def test_a_claim_that_the_table_gives_is_not(claim):
    assert not findings("claim-fails", claim)


def counting(dataset, **counts):
    return paper(table([AP], row("ours", "50")), count=[{"where": "section 4", "dataset": dataset, "counts": counts}])


def test_a_count_that_is_not_the_released_one_is_found():
    found = findings("miscounted", counting("veriwild", small_images=41816, medium_images=69389))

    assert [one.says for one in found] == ["veriwild: 41,816 small images; the released lists have 41,861"]


def test_parts_that_do_not_add_up_are_found():
    found = findings("miscounted", counting("vru", images=100, train_images=60, test_images=41))

    assert [one.severity for one in found] == ["warning", "error"]
    assert "do not add up" in found[1].says


def test_counts_that_agree_or_that_nobody_knows_are_not():
    assert not findings("miscounted", counting("veri776", train_images=37778, vehicles=776, cameras=20))
    assert not findings("miscounted", counting("vric", train_images=54808, test_images=5622, images=60430, cameras=60))


def test_a_count_of_documents_is_not_said_to_be_of_released_lists():
    found = findings("miscounted", counting("vru", train_vehicles=7086))

    assert [one.says for one in found] == ["vru: 7,086 train vehicles; the data set's own documents give 7,085"]


def test_a_count_that_nothing_confirms_is_found():
    found = findings("unchecked-count", counting("vric", cameras=60, images=60430))

    assert [(one.severity, one.says) for one in found] == [("note", "vric: nothing here confirms 60 cameras")]


@pytest.mark.parametrize(
    "documents",
    [
        [counting("veri776", cameras=20, train_images=37778)],
        [counting("vehicleid", images=221763, train_images=110178, test_images=111585)],
        [
            counting("vric", cameras=60),
            paper(
                table([AP], row("ours", "50")),
                name="another",
                count=[{"where": "section 4", "dataset": "vric", "counts": {"cameras": 60}}],
            ),
        ],
    ],
    ids=["released lists", "a sum", "another document"],
)
def test_a_count_that_can_be_checked_is_not(documents):
    assert not findings("unchecked-count", *documents)
