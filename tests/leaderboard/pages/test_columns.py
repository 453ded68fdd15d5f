from leaderboard.boards import build_boards
from leaderboard.pages.columns import leading_columns
from leaderboard.record_files import RecordFile
from tests.records import record


def cells(column, *records, full=True):
    """Return the cells of a column, or None if the board does not have it."""
    [board] = build_boards([RecordFile(one, None) for one in records])
    found = leading_columns(board, full=full).get(column)
    return None if found is None else {row.record.method: found.text(row) for row in board.rows}


def test_the_precision_is_a_column_where_a_row_has_another_than_float32():
    old, full = record(method="old"), record(method="full", precision="32-true")
    half = record(method="half", precision="bf16-mixed, batches of 8")

    assert cells("precision", old) is None
    assert cells("precision", old, full) is None
    assert cells("precision", old, full, half) == {"old": "", "full": "32-true", "half": half.precision}
    assert cells("precision", half, full=False) is None


def test_runs_in_two_precisions_are_two_rows_that_the_short_table_tells_apart():
    runs = [record(precision=word, seed=seed) for word in ("32-true", "bf16-mixed") for seed in (0, 1)]
    [board] = build_boards([RecordFile(one, None) for one in runs])
    columns = leading_columns(board, full=False)

    assert sorted(sorted(one.seed for one in row.records) for row in board.rows) == [[0, 1], [0, 1]]
    assert len({columns["run"].text(row) for row in board.rows}) == 2


def test_the_input_is_height_x_width():
    assert cells("input", record(method="m", input_size=(64, 32)), full=False) == {"m": "64x32"}


def test_given_weights_are_marked_by_what_they_have_seen_where_a_row_has_any():
    own = record(method="own", train_on="synthetic")
    same = record(method="same", files={"weights": "0" * 64}, trained_on=("synthetic",))
    more = record(method="more", files={"weights": "1" * 64}, trained_on=("veri776", "synthetic"))
    other = record(method="other", files={"weights": "2" * 64}, trained_on=("veri776",))
    silent = record(method="silent", files={"weights": "3" * 64})
    brought = record(method="brought", weights="4" * 64)
    drawn = record(method="drawn", weights="5" * 64, trained_on=("nothing",))

    assert cells("weights from", own, full=False) is None
    assert cells("weights from", own, same, more, other, silent, brought, drawn, full=False) == {
        "own": "",
        "same": "synthetic (this data set)",
        "more": "veri776, synthetic (this data set and more)",
        "other": "veri776 (other data)",
        "silent": "not said",
        "brought": "not said",
        "drawn": "nothing",
    }
