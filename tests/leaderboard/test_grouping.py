from leaderboard.grouping import grouped


def test_items_keep_their_order_and_keys_that_of_their_first_item() -> None:
    found = grouped(["bee", "ant", "bat", "axe", "cow"], lambda word: word[0])
    assert list(found.items()) == [("b", ["bee", "bat"]), ("a", ["ant", "axe"]), ("c", ["cow"])]


def test_nothing_has_no_groups() -> None:
    assert grouped([], len) == {}
