"""What is taken for bars of Binance, and what is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from include.errors import SourceError
from include.schemas import LANDING
from marketmill.hooks.binance_rows import join_bars, last_opening, missing_spans, opening_of, read_answer, read_csv
from tests.unit.marketmill.hooks.binance_market import day, rows_of, walk

START, END = day("2024-06-01"), day("2024-06-02")
HOUR = timedelta(hours=1)


def wire(rows, per_second=1000):
    return [
        [int(row[0].timestamp()) * per_second, *(None if value is None else f"{value:.8f}" for value in row[1:]), 0, "0", 1, "0", "0", "0"]
        for row in rows
    ]


def csv(rows, per_second=1000):
    return "".join(",".join(map(str, row)) + "\n" for row in wire(rows, per_second)).encode()


BARS = walk("2024-06-01", "2024-06-02")


def test_an_answer_becomes_a_table_of_landing():
    table = read_answer(wire(BARS), START, END)
    assert table.schema == LANDING
    assert rows_of(table) == BARS
    assert table["adjusted_close"].null_count == len(BARS)


def test_an_empty_answer_is_an_empty_table():
    assert read_answer([], START, END).num_rows == 0


@pytest.mark.parametrize("per_second", [1000, 1_000_000])
@pytest.mark.parametrize("header", [b"", b"open_time,open,high,low,close,volume,close_time,quote_volume,count,tb,tq,ignore\n"])
def test_a_file_becomes_the_same_table(per_second, header):
    assert read_csv(header + csv(BARS, per_second), START, END).equals(read_answer(wire(BARS), START, END))


def test_a_row_without_prices_is_a_row():
    bars = [BARS[0], (BARS[1][0], None, None, None, None, None), BARS[2]]
    assert rows_of(read_answer(wire(bars), START, END)) == bars
    text = csv(bars).replace(b"None", b"")
    assert rows_of(read_csv(text, START, END)) == bars


def changed(row, column, value):
    rows = wire(BARS)
    rows[row][column] = value
    return rows


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "not a list of bars"),
        ("\x00\ufffd{]garbage", "not a list of bars"),
        ({"code": 0}, "not a list of bars"),
        ([1, 2], "not a list of bars"),
        ([[1717200000000]], "not a list of bars"),
        (changed(1, 0, None), "without a time"),
        (changed(1, 0, "1717203600000"), "without a time"),
        (changed(1, 0, 1717203600000.5), "without a time"),
        (changed(1, 0, True), "without a time"),
        (changed(1, 0, 10**30), "no bars"),
        (changed(1, 4, "abc"), "no bars"),
        (changed(1, 4, {"a": 1}), "no bars"),
        (changed(1, 4, "inf"), "column close holds an infinite number"),
        (changed(1, 0, -5), "outside of 2024-06-01 00:00 to 2024-06-02 00:00"),
        (changed(23, 0, int(END.timestamp() * 1000)), "outside"),
        (wire([BARS[1], BARS[0]]), "not in order of time, or doubled"),
        (wire([BARS[0], BARS[0]]), "not in order of time, or doubled"),
        (wire([(row[0], None, None, None, None, None) for row in BARS]), "all rows are without a price"),
        (wire([(row[0], *[float("nan")] * 5) for row in BARS]), "all rows are without a price"),
    ],
)
def test_what_is_no_answer(answer, words):
    with pytest.raises(SourceError, match=words):
        read_answer(answer, START, END)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        csv(BARS).replace(b"1717203600000", b""),
        b"a,b,c\n",
        b"1;2;3\n",
        csv(BARS)[:-40],
        csv(BARS) + b"\x00\n",
        b"9" * 400 + b"\n",
        csv(BARS).replace(b",", b";"),
    ],
)
def test_what_is_no_file(data):
    with pytest.raises(SourceError):
        read_csv(data, START, END)


def test_missing_spans_name_exactly_what_is_not_there():
    held = read_answer(wire([row for row in BARS if row[0].hour not in {0, 5, 6, 23}]), START, END)
    spans = [(f"{low:%H}", f"{high:%d %H}") for low, high in missing_spans(held, START, END, HOUR)]
    assert spans == [("00", "01 01"), ("05", "01 07"), ("23", "02 00")]
    assert missing_spans(read_answer(wire(BARS), START, END), START, END, HOUR) == []
    assert missing_spans(LANDING.empty_table(), START, END, HOUR) == [(START, END)]
    assert missing_spans(LANDING.empty_table(), START + HOUR / 2, START + HOUR, HOUR) == []


def test_joined_bars_are_in_order_and_the_last_opinion_counts():
    first = read_answer(wire(BARS[:5]), START, END)
    second = read_answer(wire([(row[0], *[value + 1 for value in row[1:]]) for row in BARS[3:4]]), START, END)
    joined = join_bars([read_answer(wire(BARS[5:]), START, END), first, second])
    assert [row[0] for row in rows_of(joined)] == [row[0] for row in BARS]
    assert rows_of(joined)[3] == rows_of(second)[0]
    assert join_bars([]).num_rows == 0
    assert last_opening(joined) == BARS[-1][0]


def test_a_bar_opens_at_a_multiple_of_its_length():
    assert opening_of(day("2024-06-03T10:59"), HOUR) == day("2024-06-03T10:00")
    assert opening_of(day("2024-06-03T10:59"), 24 * HOUR) == day("2024-06-03")
