from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from include.actions import Action, ActionKind, append_actions
from include.lake import Lake
from include.universes import load_universe
from ml.dataset import Source
from ml.prices import split_adjusted, splits_after
from tests.model_lake import real_bars, write_lake

SPLIT = date(2014, 2, 5)


def lake_with(lake: Lake, adjustment: str, as_of: str) -> Source:
    bars = real_bars("^IXIC", "2014-01-01", "2014-03-01").assign(adjustment=adjustment, as_of=pd.Timestamp(as_of, tz="UTC"))
    append_actions(
        lake,
        "^IXIC",
        "yahoo",
        datetime(2024, 1, 1, tzinfo=UTC),
        [Action(SPLIT, ActionKind.SPLIT, 3.0), Action(date(2014, 2, 10), ActionKind.DIVIDEND, 1.0)],
    )
    return Source(write_lake(lake, [bars]), load_universe("sample"))


@pytest.mark.parametrize(
    ("adjustment", "as_of", "before", "after"),
    [
        ("raw", "2024-01-01", 3.0, 1.0),  # as traded: every bar before the split
        ("split", "2024-01-01", 1.0, 1.0),  # the source had done it
        ("split", "2014-02-04", 3.0, 3.0),  # fetched before the split, whatever the bar
        ("none", "2014-02-04", 1.0, 1.0),
    ],
)
def test_prices_are_those_of_todays_share(lake: Lake, adjustment: str, as_of: str, before: float, after: float) -> None:
    raw = real_bars("^IXIC", "2014-01-01", "2014-03-01")
    found = split_adjusted(lake_with(lake, adjustment, as_of), "^IXIC")
    assert found.columns.tolist() == ["timestamp", "closed_at", "open", "high", "low", "close"]
    ratios = np.where(raw["timestamp"] < pd.Timestamp(SPLIT, tz="UTC"), before, after)
    for name in ("high", "low", "close"):
        np.testing.assert_allclose(raw[name] / found[name], ratios)


def test_splits_after_a_moment(lake: Lake) -> None:
    lake_with(lake, "raw", "2024-01-01")
    moments = pd.Series(pd.to_datetime(["2014-02-04 21:00", "2014-02-05 00:00", "2014-02-05 15:00"], utc=True))
    assert splits_after(lake, "^IXIC", moments).tolist() == [3.0, 1.0, 1.0]
    assert splits_after(lake, "^GSPC", moments).tolist() == [1.0] * 3


def test_a_symbol_without_bars_gives_none(lake: Lake) -> None:
    assert split_adjusted(lake_with(lake, "raw", "2024-01-01"), "AAPL").empty
