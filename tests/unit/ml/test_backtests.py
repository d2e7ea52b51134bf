"""Decisions by hand: which past window is known at a date, and what came next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from include.errors import UnsuitableError
from include.feature_sets import write_current
from include.lake import Lake
from include.universes import load_universe
from ml.backtests import PAST, BacktestSource
from tests.model_lake import FEATURE_SET

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2024-01-01", tz="UTC").as_unit("us")


def window(place: int, roi: float, *, late: int = 0, bets: int = 3, **other: object) -> dict[str, object]:
    """A window of ten days whose last trade ends ``late`` days after it."""
    begin = START + place * 10 * DAY
    figures = {name: float(place) for name in PAST}
    known_at = begin + (9 + late) * DAY if late == 0 else begin + (10 + late) * DAY
    return {
        **figures, "run_id": "r", "strategy": "s", "symbol": "AAPL", "timeframe": "1d", "parameters": "{}", "window_start": begin,
        "window_end": begin + 10 * DAY, "known_at": known_at, "roi": roi, "total_bets": bets, "composite_score": 0.6, "is_oos": True,
    } | other  # fmt: skip


def source_of(lake: Lake, *rows: dict[str, object]) -> BacktestSource:
    write_current(lake, "1d", FEATURE_SET)
    stamps = [START + place * 5 * DAY for place in range(12)]
    market = pd.DataFrame({"symbol": "AAPL", "known_at": stamps, "return_20": np.arange(12.0)})
    return BacktestSource(lake, load_universe("sample"), results=pd.DataFrame(list(rows)), market=market)


def test_a_decision_sees_the_past_window_and_the_label_is_the_next(lake: Lake) -> None:
    found = source_of(lake, window(0, 0.1), window(1, -0.2), window(2, 0.3)).decisions()
    assert found["timestamp"].tolist() == [START + 10 * DAY, START + 20 * DAY, START + 30 * DAY]
    assert found["closed_at"].tolist() == found["timestamp"].tolist()
    assert found["roi"].tolist() == [0.1, -0.2, 0.3]
    np.testing.assert_equal(found["next_return"].to_numpy(), [-0.2, 0.3, np.nan])
    assert found["next_known_at"].tolist()[:2] == [START + 20 * DAY, START + 30 * DAY]
    assert pd.isna(found["next_known_at"].iloc[2])
    assert found["return_20"].tolist() == [2.0, 4.0, 6.0]  # known on the very day


def test_a_window_whose_trades_run_on_is_not_known_yet(lake: Lake) -> None:
    found = source_of(lake, window(0, 0.1), window(1, -0.2, late=3), window(2, 0.3), window(3, 0.4)).decisions()
    assert found["roi"].tolist() == [0.1, 0.1, 0.3, 0.4]
    assert found["next_return"].tolist()[:3] == [-0.2, 0.3, 0.4]
    assert found["next_known_at"].iloc[0] == START + 23 * DAY


def test_stale_windows_count_no_more(lake: Lake) -> None:
    found = source_of(lake, window(0, 0.1), window(5, 0.2)).decisions()
    assert found["timestamp"].tolist() == [START + 60 * DAY]


def test_a_window_without_trades_is_no_outcome(lake: Lake) -> None:
    found = source_of(lake, window(0, 0.1), window(1, 0.0, bets=0), window(2, 0.3)).decisions()
    np.testing.assert_equal(found["next_return"].to_numpy(), [np.nan, 0.3, np.nan])
    assert pd.isna(found["next_known_at"].iloc[0])


def test_what_saw_its_own_outcome_or_is_of_another_universe_is_left_out(lake: Lake) -> None:
    rows = [window(0, 0.1), window(1, 0.2), window(0, 0.9, symbol="XYZ"), window(1, 0.9, strategy="model", is_oos=False)]
    found = source_of(lake, *rows).decisions()
    assert set(found["symbol"]) == {"AAPL"}
    assert set(found["strategy"]) == {"s"}


def test_of_two_runs_the_later_counts(lake: Lake) -> None:
    found = source_of(lake, window(0, 0.1), window(1, 0.2), window(0, 0.5, run_id="r2"), window(1, 0.6, run_id="r2")).decisions()
    assert found["roi"].tolist() == [0.5, 0.6]


def test_the_end_hides_what_was_known_later(lake: Lake) -> None:
    source = source_of(lake, window(0, 0.1), window(1, -0.2), window(2, 0.3, late=2))
    found = replace(source, end=(START + 30 * DAY).to_pydatetime()).decisions()
    assert found["roi"].tolist() == [0.1, -0.2]
    assert found["next_return"].tolist()[0] == -0.2
    assert np.isnan(found["next_return"].iloc[1])


def test_features_that_scale_with_a_price_are_left_out(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    source = source_of(lake, window(0, 0.1))
    facts = tuple(replace(one, unit="price") if one.name == "return_5" else one for one in FEATURE_SET.features)
    write_current(lake, "1d", replace(FEATURE_SET, features=facts))
    wide = replace(source, market=source.market.assign(return_5=1.0))
    assert wide.market_features() == ["return_20"]


def test_no_backtests_are_told(lake: Lake) -> None:
    with pytest.raises(UnsuitableError, match="run simulate_trades"):
        source_of(lake, window(0, 0.1, symbol="XYZ")).decisions()
