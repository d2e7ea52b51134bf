"""Bars with whatever faults hypothesis thinks of, from landing through the checks into features: nothing lost, nothing untrue, no future.

``make fuzz`` draws more cases.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from expectations.check import CheckRequest, CheckSummary, check_bars
from expectations.checked import publish_checked
from include.calendars import exchange_calendar
from include.feature_sets import read_current
from include.lake import Lake
from include.landing import Adjustment, Landed, write_landing
from include.publish import list_months, publish_month, read_month
from include.schemas import BARS, LANDING, conform
from include.universes import load_universe, pick_instruments
from spark_jobs.features.bars import COLUMNS
from tests.unit.spark_jobs.made_bars import ordinary
from tests.unit.spark_jobs.test_buckets import build

CASES = int(os.environ.get("FUZZ_CASES", "500")) // 50
SEED = int(os.environ.get("FUZZ_SEED", "7"))
START, END = datetime(2018, 1, 1, tzinfo=UTC), datetime(2018, 5, 1, tzinfo=UTC)
DAYS = exchange_calendar("XNYS").sessions_in_range("2018-01-01", "2018-04-30").tz_localize("UTC").as_unit("us")

ANY_NUMBER = st.one_of(
    st.floats(width=64),
    st.sampled_from([0.0, -0.0, -1.0, 1e-320, 5e-324, 1e308, float("nan"), float("inf"), float("-inf")]),
)
PLACE = st.integers(0, len(DAYS) - 1)
FAULT = st.one_of(
    st.tuples(st.just("value"), PLACE, st.sampled_from([*COLUMNS, "adjusted_close"]), ANY_NUMBER),
    st.tuples(st.just("factor"), PLACE, st.sampled_from(COLUMNS), st.sampled_from([-1.0, 0.01, 0.5, 2.0, 100.0])),
    st.tuples(st.just("swap"), PLACE, st.sampled_from(COLUMNS), st.sampled_from(COLUMNS)),
    st.tuples(st.just("drop"), PLACE, st.integers(1, 10), st.none()),
    st.tuples(st.just("repeat"), PLACE, st.integers(1, 10), st.none()),
    st.tuples(st.just("shift"), PLACE, st.integers(-400, 400), st.none()),
    st.tuples(st.just("shuffle"), st.integers(0, 1000), st.none(), st.none()),
)


def sound() -> pd.DataFrame:
    """A bar for each session of four months."""
    frame = pd.DataFrame(ordinary(len(DAYS)))
    return frame.assign(timestamp=DAYS, adjusted_close=frame["close"])


def damaged(faults: list[tuple[str, int, Any, Any]]) -> pd.DataFrame:
    """The same with faults, one after the other."""
    frame = sound()
    for kind, place, first, second in faults:
        row = place % max(len(frame), 1)
        at = frame.index[row : row + 1]
        if kind == "value":
            frame.loc[at, first] = second
        elif kind == "factor":
            frame.loc[at, first] *= second
        elif kind == "swap":
            frame.loc[at, first], frame.loc[at, second] = frame.loc[at, second], frame.loc[at, first]
        elif kind == "shift":
            frame.loc[at, "timestamp"] += pd.Timedelta(hours=first)
        elif kind == "drop":
            frame = frame.drop(frame.index[row : row + first]).reset_index(drop=True)
        elif kind == "repeat":
            frame = pd.concat([frame, frame.iloc[row : row + first]], ignore_index=True)
        else:
            frame = frame.sample(frac=1, random_state=place, ignore_index=True)
    return frame


def checked(lake: Lake, frame: pd.DataFrame) -> CheckSummary:
    """Land all of it as one answer, check and publish."""
    table = pa.Table.from_pandas(frame.reindex(columns=LANDING.names), schema=LANDING, preserve_index=False)
    write_landing(lake, Landed("csv", "AAPL", "1d", Adjustment.SPLIT, START, END, datetime(2026, 1, 1, tzinfo=UTC)), table)
    instruments = tuple(pick_instruments(load_universe("global26"), ["AAPL"]))
    summary = check_bars(lake, CheckRequest("csv", "1d", instruments, START, END, None), run="run")
    publish_checked(lake, summary.plan)
    return summary


def rows(lake: Lake, dataset: str) -> pd.DataFrame:
    parts = [read_month(lake, dataset, month).to_pandas() for month in list_months(lake, dataset)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["symbol", "timestamp"])


@seed(SEED)
@settings(
    max_examples=max(CASES, 5),
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(FAULT, max_size=6))
def test_whatever_lands_is_published_refused_or_held_and_features_are_of_the_past(faults: list[tuple[str, int, Any, Any]]) -> None:
    frame = damaged(faults)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        summary = checked(lake, frame)
        bars, refused = rows(lake, lake.bars("1d")), rows(lake, lake.quarantine("1d"))
        inside = frame[(frame["timestamp"] >= START) & (frame["timestamp"] < END)]
        if not summary.held:
            assert set(inside["timestamp"]) <= {*bars["timestamp"], *refused["timestamp"]}
        if bars.empty:
            return
        _assert_true(bars, frame)
        build(lake)
        features = rows(lake, lake.features("1d", read_current(lake, "1d").id))
        assert features["timestamp"].tolist() == bars["timestamp"].tolist()
        values = features.select_dtypes("float")
        assert not np.isinf(values.to_numpy()).any()
        _assert_of_the_past(bars, features)


def _assert_true(bars: pd.DataFrame, landed: pd.DataFrame) -> None:
    """Each bar is a landed row as it was, is possible, and is alone at its time."""
    assert bars["timestamp"].is_monotonic_increasing
    assert bars["timestamp"].is_unique
    names = ["timestamp", *COLUMNS]
    assert len(bars.merge(landed[names].drop_duplicates(), on=names)) == len(bars)
    prices = bars[["open", "high", "low", "close"]]
    assert bars["close"].notna().all()  # of an index there may be nothing else
    assert ((prices > 0) & (prices < np.inf) | prices.isna()).all(axis=None)
    assert not (bars["high"] < bars[["open", "low", "close"]].max(axis=1)).any()
    assert not (bars["low"] > bars[["open", "high", "close"]].min(axis=1)).any()
    assert (bars["volume"].fillna(0) >= 0).all()


def _assert_of_the_past(bars: pd.DataFrame, features: pd.DataFrame) -> None:
    """Without the last month the features before it are the same to the last bit."""
    months = bars["timestamp"].dt.strftime("%Y-%m")
    last = months.max()
    if months.min() == last:
        return
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        for month in sorted(set(months) - {last}):
            part = pa.Table.from_pandas(bars[months == month], preserve_index=False)
            publish_month(lake, lake.bars("1d"), month, lambda _, part=part: conform(part, BARS, "bars"))
        build(lake)
        before = rows(lake, lake.features("1d", read_current(lake, "1d").id))
    pd.testing.assert_frame_equal(before, features[months < last].reset_index(drop=True), check_exact=True)
