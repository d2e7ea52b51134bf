"""Every way in which a user's file can be wrong is one sentence that names file, line and column."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include.errors import SourceError
from include.landing import Adjustment
from include.universes import Kind
from marketmill.hooks.csv_file import read_csv_file
from tests.shared_data import shared_data

HEADER = "date,open,high,low,close,volume\n"
ROW = "2018-06-28,10,11,9,10.5,1000\n"
EPOCH = "timestamp,open,high,low,close,volume\n{},1,1,1,1,1\n"
NEXT = "2018-06-29,10,11,9,10.5,1000\n"


@pytest.fixture
def read(tmp_path):
    def read(content, timeframe="1d", kind=Kind.STOCK):
        path = tmp_path / "AAPL.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_csv_file(path, timeframe, kind)

    return read


def test_a_plain_file(read):
    file = read(HEADER + ROW + NEXT)
    assert file.rows.to_pylist()[0] == {
        "timestamp": datetime(2018, 6, 28, tzinfo=UTC),
        "open": 10.0,
        "high": 11.0,
        "low": 9.0,
        "close": 10.5,
        "volume": 1000.0,
        "adjusted_close": None,
    }
    assert (file.first, file.last) == (datetime(2018, 6, 28, tzinfo=UTC), datetime(2018, 6, 29, tzinfo=UTC))
    assert file.adjustment is Adjustment.RAW


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + HEADER + ROW,
        HEADER.replace("\n", "\r\n") + ROW.replace("\n", "\r\n"),
        HEADER + ROW.rstrip(),
        "\n" + HEADER + "\n\n" + ROW + "\n",
        'Date, Open ,HIGH,Low,"Close",Volume\n"2018-06-28", 10,11,9,10.5,"1000"\n',
        "symbol,date,open,high,low,close,volume,note\nAAPL,2018-06-28,10,11,9,1.05e1,1000,=SUM(A1)\n",
        "timestamp,open,high,low,close,volume\n1530144000000,10,11,9,10.5,1000\n",
        "timestamp,open,high,low,close,volume\n2018-06-28T00:00:00-04:00,10,11,9,10.5,1000\n",
        "date,open,high,low,close,volume\n20180628,10,11,9,10.5,1000\n",
    ],
    ids=["bom", "crlf", "no_last_newline", "blank_lines", "case_and_quotes", "other_columns", "epoch", "offset", "basic"],
)
def test_other_ways_to_write_the_same(read, content):
    row = read(content).rows.to_pylist()[0]
    assert (row["timestamp"], row["close"], row["volume"]) == (datetime(2018, 6, 28, tzinfo=UTC), 10.5, 1000.0)


def test_a_daily_bar_keeps_its_date_where_the_day_begins_in_another_zone(read):
    content = "date,open,high,low,close,volume\n2018-06-28 00:00:00+09:00,1,1,1,1,1\n"
    assert read(content).first == datetime(2018, 6, 28, tzinfo=UTC)


def test_hours_are_brought_to_utc(read):
    header = "timestamp,open,high,low,close,volume\n"
    content = header + "2018-06-28T09:30:00-04:00,1,1,1,1,1\n2018-06-28T14:30:00,1,1,1,1,1\n"
    assert read(content, "1h").rows["timestamp"].to_pylist() == [
        datetime(2018, 6, 28, 13, 30, tzinfo=UTC),
        datetime(2018, 6, 28, 14, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize("word", ["", "null", "NaN", "NA"])
def test_missing_values_come_through_as_rows(read, word):
    rows = read(HEADER + f"2018-06-28,{word},11,9,{word},1000\n").rows.to_pylist()
    assert (rows[0]["open"], rows[0]["close"], rows[0]["high"]) == (None, None, 11.0)


def test_duplicates_and_disorder_are_for_the_checks(read):
    assert read(HEADER + NEXT + ROW + ROW).rows.num_rows == 3


BAD = {
    "empty": (b"", "AAPL.csv is empty"),
    "blank": (b"\n\n  \n", "AAPL.csv is empty"),
    "header_only": (HEADER, "line 1: there is a header and no bar"),
    "no_date": ("open,high,low,close,volume\n1,2,3,4,5\n", "line 1: column date is missing"),
    "no_close": ("date,open,high,low,volume\n2018-06-28,1,1,1,1\n", "line 1: column close is missing"),
    "both_clocks": ("date,timestamp,open,high,low,close,volume\n", "date and timestamp are both there"),
    "named_twice": ("date,open,high,low,close,close,volume\n", "column close is named twice"),
    "semicolons": ("date;open;high;low;close;volume\n2018-06-28;1;1;1;1;1\n", "separated by commas"),
    "short_row": (HEADER + ROW + "2018-06-29,10,11\n", "line 3: 3 fields, but the header names 6 columns"),
    "long_row": (HEADER + "2018-06-28,10,11,9,10.5,1,000\n", "line 2: 7 fields"),
    "thousands": (HEADER + '2018-06-28,"1,010",11,9,10.5,1000\n', "line 2, column open: '1,010' is not a number .*no thousands separator"),
    "formula": (HEADER + '2018-06-28,10,11,9,"=CMD()",1000\n', r"line 2, column close: '=CMD\(\)' is not a number"),
    "infinity": (HEADER + "2018-06-28,10,inf,9,10,1000\n", "line 2, column high: 'inf' is not a number"),
    "huge": (HEADER + "2018-06-28,10,1e999,9,10,1000\n", "column high: '1e999' is not a number"),
    "underscore": (HEADER + "2018-06-28,10,11,9,10,1_000\n", "column volume: '1_000' is not a number"),
    "arabic_digits": (HEADER + "2018-06-28,10,11,9,10,١٠٠٠\n", "column volume: .* is not a number"),
    "no_time": (HEADER + ",10,11,9,10,1000\n", "line 2, column date: '' is no time"),
    "american": (HEADER + "06/28/2018,10,11,9,10,1000\n", "line 2, column date: '06/28/2018' is no time"),
    "no_such_day": (HEADER + "2018-02-30,10,11,9,10,1000\n", "'2018-02-30' is no time"),
    "seconds": (EPOCH.format("1530144000"), "column timestamp: '1530144000' looks like seconds since 1970; .*: multiply by 1000 the whole"),
    "seconds_as_fractions": (EPOCH.format("1530144000.0"), "looks like seconds since 1970"),
    "microseconds": (EPOCH.format("1530144000000000"), "looks like microseconds since 1970; milliseconds are needed: divide by 1000 the"),
    "nanoseconds": (EPOCH.format("1530144000000000000"), "looks like nanoseconds since 1970; milliseconds are needed: divide by 1000000"),
    "milliseconds_as_fractions": (EPOCH.format("1530144000000.0"), "is no time; write .* or milliseconds since 1970 as a whole number"),
    "compact": (EPOCH.format("20180629143000"), "'20180629143000' is no time; write 2018-06-29, "),
    "far_epoch": (EPOCH.format("9" * 20), "is no time"),
    "year_1": (HEADER + "0001-01-01,10,11,9,10,1000\n", "lies in the year 1"),
    "time_of_day": (HEADER + "2018-06-28 09:30,10,11,9,10,1000\n", "daily bars carry their date only"),
    "nul": (HEADER.encode() + b"2018-06-28,10,\x0011,9,10,1000\n", "line 2: holds a NUL byte"),
    "utf16": ((HEADER + ROW).encode("utf-16"), "line 1: holds a NUL byte"),
    "latin1": (HEADER.encode() + ROW.encode() + b"2018-06-29,10,11,9,10,\xe9\n", "line 3: byte 23 is not UTF-8"),
    "open_quote": (HEADER + '2018-06-28,"10,11,9,10,1000\n' + NEXT, "line 2: is not CSV"),
    "one_huge_line": (HEADER + "x" * 200_000, "line 2: the line is longer than"),
    "binary": (bytes(range(1, 256)) * 10, "AAPL.csv, line 1"),
}


@pytest.mark.parametrize(("content", "sentence"), BAD.values(), ids=BAD)
def test_a_bad_file(read, content, sentence):
    with pytest.raises(SourceError, match=sentence) as caught:
        read(content)
    assert str(caught.value).startswith("AAPL.csv")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_bars_of_another_size(read):
    rows = "".join(f"2018-06-28T10:{minute:02d}:00,1,1,1,1,1\n" for minute in range(0, 60, 5))
    content = "timestamp,open,high,low,close,volume\n" + rows
    with pytest.raises(SourceError, match=r"bars are 0:05:00 apart, so they are no 1h bars"):
        read(content, "1h")
    assert read(content, "5m").rows.num_rows == 12


def test_a_session_that_begins_with_half_an_hour(read):
    hours = ["09:30", "10:00", "11:00", "12:00", "13:00"]
    content = "timestamp,open,high,low,close,volume\n" + "".join(f"2018-06-28T{hour}:00,1,1,1,1,1\n" for hour in hours)
    assert read(content, "1h").rows.num_rows == 5


ADJUSTED = "date,open,high,low,close,volume,Adj Close\n"


@pytest.mark.parametrize(
    ("closes", "kind", "state"),
    [
        ([(10, ""), (11, "")], Kind.STOCK, Adjustment.RAW),
        ([(10, 10), (11, 11)], Kind.STOCK, Adjustment.SPLIT),
        ([(10, 9.5), (11, 10.5)], Kind.STOCK, Adjustment.SPLIT),
        ([(10, 9.5), (11, 10.5)], Kind.FUND, Adjustment.SPLIT),
        ([(100, 48), (50, 48.5)], Kind.STOCK, Adjustment.RAW),
        ([(10, 9.5)] * 4 + [(1000, 9.5)] + [(10, 9.5)] * 4, Kind.STOCK, Adjustment.SPLIT),
        ([(10, 9.5)] * 4 + [(1000, 9.5)] * 2 + [(10, 9.5)] * 4, Kind.STOCK, Adjustment.SPLIT),
        ([(100, 48)] * 4 + [(50, 48)] * 4, Kind.STOCK, Adjustment.RAW),
        ([(10, 9.5), (11, 10.5)], Kind.INDEX, Adjustment.NONE),
        ([(10, 10), (11, 11)], Kind.CRYPTO, Adjustment.NONE),
        ([("", 9.5), (0, 3), (11, -11)], Kind.STOCK, Adjustment.RAW),
    ],
)
def test_the_state_of_the_prices(read, closes, kind, state):
    rows = [f"2018-06-{day:02d},1,1,1,{close},1,{adjusted}\n" for day, (close, adjusted) in enumerate(closes, start=1)]
    assert read(ADJUSTED + "".join(rows), kind=kind).adjustment is state


@pytest.mark.parametrize(
    ("symbol", "state"), [("AAPL", Adjustment.SPLIT), ("TSLA", Adjustment.SPLIT), ("SPY_raw_1999_2020", Adjustment.RAW)]
)
def test_real_stock_files(symbol, state):
    file = read_csv_file(shared_data("daily", f"{symbol}.csv"), "1d", Kind.STOCK)
    assert file.rows.num_rows > 2000
    assert file.adjustment is state


@pytest.mark.parametrize(("name", "timeframe"), [("BTCUSDT_1d.csv", "1d"), ("BTCUSDT_1h.csv", "1h"), ("BTCUSDT_5m.csv", "5m")])
def test_real_crypto_files(name, timeframe):
    file = read_csv_file(shared_data("crypto", name), timeframe, Kind.CRYPTO)
    assert file.rows.num_rows > 100
    assert file.adjustment is Adjustment.NONE


def test_a_file_that_vanishes(tmp_path):
    with pytest.raises(SourceError, match=r"AAPL\.csv cannot be read"):
        read_csv_file(tmp_path / "AAPL.csv", "1d", Kind.STOCK)
