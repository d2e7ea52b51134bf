"""The same registry on real hours and real five minutes: windows count bars, and sessions are parted where they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from include.feature_sets import read_features
from include.lake import Lake
from include.publish import list_months
from include.schemas import LANDING
from include.timeframes import timeframe_length
from include.universes import Instrument, Kind, known_instruments
from marketmill.hooks.sample import SampleHook
from marketmill.outcomes import Data
from spark_jobs.features.bars import COLUMNS
from spark_jobs.features.catalog import FEATURES
from tests.shared_data import shared_data
from tests.unit.spark_jobs.made_bars import Columns, bars_table, ordinary, publish_bars, symbol_bars
from tests.unit.spark_jobs.test_buckets import build, contents
from tests.unit.spark_jobs.test_build_features import submit

HOUR = 3_600_000_000


def numbers(rows: pa.Table) -> Columns:
    return {name: rows[name].to_numpy() for name in COLUMNS}


def stamps(rows: pa.Table) -> np.ndarray:
    return rows["timestamp"].cast(pa.int64()).to_numpy()


EURO = Instrument(symbol="EURUSD=X", name="Euro", kind=Kind.CURRENCY, calendar="24/5", trades_volume=True)


def sample_hours(instrument: Instrument) -> pa.Table:
    """Real hours out of the packages of the sample source."""
    always = datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
    outcome = SampleHook().fetch(instrument, "1h", *always)
    assert isinstance(outcome, Data)
    assert outcome.rows.schema.equals(LANDING)
    return outcome.rows


@pytest.fixture(scope="module")
def hours() -> pa.Table:
    """Two years of AAPL, six or seven hours a session."""
    return sample_hours(known_instruments()["AAPL"])


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


def test_a_hole_is_not_filled_and_steps_over_it_are_steps(lake: Lake) -> None:
    """A coin's exchange stood still for three hours: no rows there, no breadth of two, windows of bars that there are."""
    times = np.int64(1_500_000_000) // 300 * 300 * 1_000_000 + np.arange(900) * (HOUR // 12)
    held = np.r_[0:400, 436:900]
    coins = {f"C{seed}USDT": ordinary(900, seed) for seed in range(3)}
    holed = {name: values[held] for name, values in coins["C0USDT"].items()}
    tables = [bars_table(name, columns, times, HOUR // 12) for name, columns in coins.items() if name != "C0USDT"]
    publish_bars(lake, pa.concat_tables([*tables, bars_table("C0USDT", holed, times[held], HOUR // 12)]), "5m")
    build(lake, timeframe="5m")
    frame = check_numbers(lake, "5m", "C0USDT", holed)
    assert frame["timestamp"].to_numpy("datetime64[us]").astype(np.int64).tolist() == times[held].tolist()
    assert frame["return_1"][400] == pytest.approx(coins["C0USDT"]["close"][436] / coins["C0USDT"]["close"][399] - 1, rel=1e-6)
    others = read_features(lake, "5m", symbols=["C1USDT"], names=["breadth_rising_1"])["breadth_rising_1"]
    assert others[400:436].isna().all()
    assert others[436:].notna().all()


@pytest.mark.system
def test_the_job_on_hours_with_sessions_and_without(hours: pa.Table, lake: Lake, tmp_path: Path) -> None:
    """A stock by its sessions and a currency around the clock but for the weekends, by Spark."""
    euro = sample_hours(EURO)
    rows = [bars_table("AAPL", numbers(hours), stamps(hours), HOUR), bars_table(EURO.symbol, numbers(euro), stamps(euro), HOUR)]
    alone = Lake(str(tmp_path / "alone"))
    for each in (lake, alone):
        publish_bars(each, pa.concat_tables(rows), "1h")
    result = submit(lake.url, timeframe="1h")
    assert result.returncode == 0, result.stderr
    build(alone, timeframe="1h")
    assert contents(lake) == contents(alone)
    check_numbers(lake, "1h", "AAPL", numbers(hours))
    frame = check_numbers(lake, "1h", EURO.symbol, numbers(euro))
    weekend = (frame["timestamp"].diff() > timedelta(days=1)).to_numpy()
    assert weekend.sum() > 40
    assert (frame["closed_at"][1:].to_numpy() > frame["timestamp"][:-1].to_numpy()).all()
    close, opened = numbers(euro)["close"], numbers(euro)["open"]
    np.testing.assert_allclose(frame["opening_gap"][weekend], (opened[1:] / close[:-1] - 1)[weekend[1:]], rtol=1e-5, atol=1e-9)
