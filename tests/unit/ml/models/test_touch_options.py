from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from include.actions import Action, ActionKind, append_actions
from include.calendars import closed_at, exchange_calendar
from include.lake import Lake
from include.option_chains import OPTION_CHAIN, LandedChain, write_chain
from include.universes import Instrument, Kind
from ml.models.touch_options import SAMPLER, listed_options, sample_options
from tests.shared_data import shared_data

SPY = Instrument(symbol="SPY", name="SPY", kind=Kind.FUND, calendar="XNYS", trades_volume=True)
AAPL = SPY.model_copy(update={"symbol": "AAPL"})


def make_entries(start: str, end: str, implied: float = 0.2, close: float = 100.0) -> pd.DataFrame:
    stamps = exchange_calendar("XNYS").sessions_in_range(start, end).tz_localize("UTC").as_unit("us")
    closes = closed_at("XNYS", "1d", stamps)
    return pd.DataFrame({"timestamp": stamps, "closed_at": closes, "close": close, "implied_volatility": implied})


@pytest.fixture(scope="module")
def entries() -> pd.DataFrame:
    return make_entries("2011-01-18", "2019-11-30")  # ten years less the warm-up and the last expiries


@pytest.fixture(scope="module")
def options(entries: pd.DataFrame) -> pd.DataFrame:
    return sample_options(SPY, entries)


def test_four_thousand_in_ten_years(options: pd.DataFrame, entries: pd.DataFrame) -> None:
    assert len(options) == pytest.approx(4000, abs=60)
    assert options.groupby("entry").size().between(1, 2).all()
    assert options["entry"].nunique() == len(entries)


def test_within_the_bounds_of_its_version(options: pd.DataFrame, entries: pd.DataFrame) -> None:
    assert sorted(options["days"].unique()) == list(range(3, 43))
    assert options["right"].value_counts(normalize=True)["call"] == pytest.approx(0.5, abs=0.03)
    assert options["distance"].between(*SAMPLER.distance).all()
    deviations = options["distance"] / (0.2 * np.sqrt(options["days"] / 252))
    assert (deviations.min(), deviations.max()) == (pytest.approx(0.05, abs=0.06), pytest.approx(2.6, abs=0.01))
    assert deviations.mean() == pytest.approx(1.33, abs=0.05)
    sign = np.where(options["right"] == "call", 1, -1)
    np.testing.assert_allclose(options["strike"], 100 * (1 + sign * options["distance"]))
    sessions = exchange_calendar("XNYS").sessions
    entered = pd.DatetimeIndex(entries["timestamp"]).tz_localize(None)[options["entry"]]
    expires = pd.DatetimeIndex(options["expiry"]).tz_localize(None)
    assert (sessions.get_indexer(expires) - sessions.get_indexer(entered) == options["days"]).all()


def test_a_wild_market_is_cut_at_the_bounds() -> None:
    wild = sample_options(SPY, make_entries("2015-01-01", "2016-01-01", implied=4.0))
    assert wild["distance"].max() <= 0.6
    assert (wild["strike"] > 0).all()
    calm = sample_options(SPY, make_entries("2015-01-01", "2016-01-01", implied=0.005))
    assert calm["days"].min() == 6  # 2.6 deviations of a shorter one are less than .2 %
    assert sample_options(SPY, make_entries("2015-01-01", "2016-01-01", implied=0.001)).empty


def test_a_draw_depends_on_its_own_session_only(options: pd.DataFrame, entries: pd.DataFrame) -> None:
    part = entries[700:900].reset_index(drop=True)
    again = sample_options(SPY, part)
    same = options[options["entry"].between(700, 899)].assign(entry=lambda frame: frame["entry"] - 700).reset_index(drop=True)
    pd.testing.assert_frame_equal(again, same)
    other = sample_options(AAPL, part)
    assert set(other["distance"]).isdisjoint(again["distance"])


def test_a_date_that_is_no_session_enters_nothing() -> None:
    holiday = make_entries("2015-01-02", "2015-01-05")
    holiday["timestamp"] = pd.to_datetime(["2015-01-01", "2015-01-05"], utc=True)
    assert set(sample_options(SPY, holiday)["entry"]) == {1}


def land(lake: Lake, fetched_at: datetime, quotes: list[dict], expiry: date = date(2021, 3, 26), symbol: str = "SPY") -> None:
    usual = {"expiry": expiry, "contract": "x", "delayed": False, "bid": 1.0, "implied_volatility": 0.25}
    table = pa.Table.from_pylist([usual | quote for quote in quotes], schema=OPTION_CHAIN)
    write_chain(lake, LandedChain("yahoo", symbol, expiry, fetched_at), table)


def quote(strike: float, right: str = "call", **facts: object) -> dict:
    return {"strike": strike, "right": right} | facts


def test_listed_options_enter_at_the_first_close_after_their_chain(lake: Lake) -> None:
    entries = make_entries("2021-02-01", "2021-04-15")
    land(lake, datetime(2021, 3, 1, 18, tzinfo=UTC), [quote(105.0), quote(95.0, "put")])
    land(lake, datetime(2021, 3, 6, 18, tzinfo=UTC), [quote(106.0)])  # a Saturday
    found = listed_options(lake, SPY, entries)
    entered = entries["timestamp"].dt.date[found["entry"].astype(int)].tolist()
    assert entered == [date(2021, 3, 1), date(2021, 3, 1), date(2021, 3, 8)]
    assert found["strike"].tolist() == [105.0, 95.0, 106.0]
    np.testing.assert_allclose(found["distance"].astype(float), [0.05, 0.05, 0.06])
    assert found["days"].tolist() == [19, 19, 14]
    assert set(found["origin"]) == {"listed"}


def test_listed_options_that_say_nothing_are_left_out(lake: Lake) -> None:
    entries = make_entries("2021-02-01", "2021-03-15")
    bad = [
        quote(95.0),  # in the money
        quote(100.1),  # at the money
        quote(150.0),  # further than any move
        quote(105.0, bid=0.0),
        quote(105.0, bid=None),
        quote(105.0, implied_volatility=1e-5),
        quote(105.0, implied_volatility=None),
        quote(105.0, implied_volatility=9.0),
    ]
    land(lake, datetime(2021, 3, 1, 18, tzinfo=UTC), [*bad, quote(104.0)])
    land(lake, datetime(2021, 3, 1, 19, tzinfo=UTC), [quote(110.0)], expiry=date(2021, 12, 17))  # further than the sampler draws
    land(lake, datetime(2021, 4, 9, 18, tzinfo=UTC), [quote(104.0)], expiry=date(2021, 4, 30))  # no bar after it yet
    assert listed_options(lake, SPY, entries)["strike"].tolist() == [104.0]
    assert listed_options(lake, AAPL, entries).empty


def test_strikes_follow_the_splits_that_came_after_the_fetch(lake: Lake) -> None:
    append_actions(lake, "SPY", "yahoo", datetime(2024, 1, 1, tzinfo=UTC), [Action(date(2022, 8, 25), ActionKind.SPLIT, 3.0)])
    land(lake, datetime(2021, 3, 1, 18, tzinfo=UTC), [quote(315.0)])
    assert listed_options(lake, SPY, make_entries("2021-02-01", "2021-03-15"))["strike"].tolist() == [105.0]


def test_a_long_chain_is_thinned_evenly(lake: Lake) -> None:
    land(lake, datetime(2021, 3, 1, 18, tzinfo=UTC), [quote(101 + place / 40) for place in range(400)])
    strikes = listed_options(lake, SPY, make_entries("2021-02-01", "2021-03-15"))["strike"].astype(float)
    assert len(strikes) == 40
    assert (strikes.min(), strikes.max()) == (101.0, 110.75)


def test_a_real_chain(lake: Lake) -> None:
    """Of AAPL, fetched on a Sunday from Yahoo, with its stale quotes and volatilities of next to nothing."""
    raw = pd.read_csv(shared_data("options", "AAPL_2025-09-28_yfinance.csv"))
    fetched = datetime(2025, 9, 28, 12, tzinfo=UTC)
    for place, (expiry, rows) in enumerate(raw.groupby("expiration")):
        quotes = rows.rename(columns={"optionType": "right", "impliedVolatility": "implied_volatility"})[
            ["strike", "right", "bid", "implied_volatility"]
        ]
        quotes["right"] = quotes["right"].str.removesuffix("s")
        land(lake, fetched + timedelta(seconds=place), quotes.to_dict("records"), date.fromisoformat(str(expiry)), "AAPL")
    entries = make_entries("2025-09-22", "2025-10-10", close=254.43)
    found = listed_options(lake, AAPL, entries)
    assert entries["timestamp"].dt.date[found["entry"].astype(int).unique()].tolist() == [date(2025, 9, 29)]
    assert len(found) == 40
    assert found["days"].between(4, 39).all()
    assert found["days"].nunique() > 3
    assert set(found["right"]) == {"call", "put"}
    assert found["implied_volatility"].astype(float).between(0.1, 1.0).all()
