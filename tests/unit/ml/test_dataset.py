from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from include.calendars import closed_at
from include.errors import ModelError
from include.lake import Lake
from ml.dataset import Dataset, Source, join_known, leave_out_short, too_short
from tests.model_lake import real_bars

STAMPS = pd.date_range("2018-03-05", periods=5, freq="D", tz="UTC", unit="us")


def dataset() -> Dataset:
    rows = pd.DataFrame({"symbol": "A", "timestamp": STAMPS, "closed_at": STAMPS + pd.Timedelta(hours=21), "x": [1.0, 2, 3, 4, 5]})
    label = pd.DataFrame({"value": [10.0, 20, 30, 40, np.nan], "known_at": rows["closed_at"].shift(-1)})
    return Dataset(rows, ["x"], {"later": label})


def test_known_by_keeps_rows_closed_before_and_labels_known_by() -> None:
    data = dataset()
    moment = data.rows["closed_at"].iloc[3]
    known = data.known_by(moment)
    assert known.rows["x"].tolist() == [1, 2, 3]
    assert known.labels["later"]["value"].tolist() == [10, 20, 30]  # the third is known at the very moment
    known = data.known_by(moment - pd.Timedelta(seconds=1))
    assert known.labels["later"]["value"].isna().tolist() == [False, False, True]
    assert data.before(moment).labels["later"]["value"].tolist() == [10, 20, 30]


def test_content_hash_sees_every_value() -> None:
    first = dataset()
    assert first.content_hash() == dataset().content_hash()
    for column, value in (("x", 9.0), ("symbol", "B"), ("closed_at", STAMPS[0])):
        other = dataset()
        other.rows.loc[2, column] = value
        assert other.content_hash() != first.content_hash()
    other = dataset()
    other.labels["later"].loc[0, "value"] = np.nan
    assert other.content_hash() != first.content_hash()
    assert replace(first, labels={}).content_hash() != first.content_hash()


def join(rows_calendar: str) -> pd.Series:
    rows = pd.DataFrame({"closed_at": closed_at(rows_calendar, "1d", STAMPS)})
    vix = pd.DataFrame({"closed_at": closed_at("XCBF", "1d", STAMPS), "vix": [11.0, 12, 13, 14, 15]})
    return join_known(rows, vix, ["vix"], pd.Timedelta(days=3))["vix"]


def test_a_new_york_row_takes_the_vix_of_its_session() -> None:
    """^VIX prints at 21:15 UTC, a quarter of an hour after New York closed."""
    assert join("XNYS").tolist() == [11, 12, 13, 14, 15]


def test_a_mumbai_row_must_wait_for_the_next_day() -> None:
    assert join("XBOM").isna().tolist() == [True, False, False, False, False]
    assert join("XBOM").tolist()[1:] == [11, 12, 13, 14]


def test_stale_values_stay_out() -> None:
    rows = pd.DataFrame({"closed_at": closed_at("XNYS", "1d", STAMPS)}, index=[7, 5, 3, 1, 0])
    vix = pd.DataFrame({"closed_at": closed_at("XCBF", "1d", STAMPS[[0, 1, 3]]), "vix": [11.0, 12, 14]})
    found = join_known(rows, vix, ["vix"], pd.Timedelta(hours=12))["vix"]
    assert found.index.tolist() == [7, 5, 3, 1, 0]
    assert found.isna().tolist() == [False, False, True, False, True]


def test_two_years_are_needed() -> None:
    sessions = pd.Series(pd.bdate_range("2016-01-04", "2018-12-31", tz="UTC"))
    assert too_short(sessions[sessions < "2018-01-01"]) is None
    assert "there are 510 usable rows from 2016-01-04 to 2017-12-15" in str(too_short(sessions[sessions < "2017-12-16"]))
    assert str(too_short(sessions[sessions < "2017-12-16"])).endswith(", 711 days; 720 days are needed, with 453 rows")
    halved = too_short(sessions[::2])  # a long time with half of it missing
    assert halved == "there are 391 usable rows from 2016-01-04 to 2018-12-31; 453 rows are needed"
    assert too_short(sessions[:0]) == "there are no rows"


def test_symbols_that_are_too_short_are_named_unless_all_are() -> None:
    sessions = pd.Series(pd.bdate_range("2016-01-04", "2018-12-31", tz="UTC"))
    assert leave_out_short("a", {"LONG": sessions, "SHORT": sessions[:9]}, {"ODD": "it is odd"}, of="of sessions, ") == {
        "ODD": "it is odd",
        "SHORT": "of sessions, there are 9 usable rows from 2016-01-04 to 2016-01-14, 10 days; 720 days are needed, with 453 rows",
    }
    with pytest.raises(ModelError, match="Insufficient data for training a: SHORT: there are no rows; ODD: it is odd; run backfill_market"):
        leave_out_short("a", {"SHORT": sessions[:0]}, {"ODD": "it is odd"})
    with pytest.raises(ModelError, match="training a: ONE, TWO: there are no rows; run backfill_market"):
        leave_out_short("a", {"ONE": sessions[:0], "TWO": sessions[:0]})
    with pytest.raises(ModelError, match="there is no symbol"):
        leave_out_short("a", {})


def test_source_reads_the_half_open_interval(source: Source, model_lake: Lake) -> None:
    part = replace(source, start=pd.Timestamp("2015-03-10", tz="UTC"), end=pd.Timestamp("2015-05-04", tz="UTC"))
    closes = part.closes("^VIX")
    expected = real_bars("^VIX", "2015-03-10", "2015-05-04")
    assert closes["close"].tolist() == expected["close"].tolist()
    assert closes["closed_at"].tolist() == expected["closed_at"].tolist()
    assert part.features(["^GSPC"], ["return_1"])["timestamp"].agg(["min", "max"]).dt.date.astype(str).tolist() == [
        "2015-03-10",
        "2015-05-01",
    ]
    assert part.closes("MSFT").empty


@pytest.mark.parametrize("symbol", ["^VIX", "^GSPC"])
def test_closes_have_no_nulls_and_are_in_order(source: Source, symbol: str) -> None:
    closes = source.closes(symbol)
    assert closes["close"].notna().all()
    assert closes["timestamp"].is_monotonic_increasing


def test_bars_shorter_than_a_day_need_eighty_days() -> None:
    bars = pd.Series(pd.date_range("2024-06-01", periods=81 * 24, freq="h", tz="UTC"))
    assert too_short(bars, "1h") is None
    assert "80 days are needed, with 500 rows" in str(too_short(bars.iloc[: 79 * 24], "1h"))
    assert str(too_short(bars.iloc[::4], "1h")).endswith("; 500 rows are needed")
    assert "720 days are needed, with 453 rows" in str(too_short(bars))
