"""A lake of real bars with planted gaps and refusals, and a card that a test may change."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from include.lake import Lake
from include.landing import Adjustment, Landed, write_landing
from include.publish import publish_month
from include.schemas import LANDING, QUARANTINE
from tests.model_lake import SYMBOLS, real_bars, write_lake

#: Sessions of XNYS that ^IXIC lacks; one of them came and was refused.
TAKEN_OUT = ("2015-03-02", "2015-03-03", "2015-03-04", "2016-07-05")
HOSTILE = '<script>alert("x")</script>'


def refused_row(symbol: str, date: str, rule: str, reason: str) -> dict[str, Any]:
    stamp = pd.Timestamp(date, tz="UTC")
    return dict.fromkeys(QUARANTINE.names) | {
        "symbol": symbol,
        "timestamp": stamp,
        "open": 10.5,
        "source": "sample",
        "as_of": stamp,
        "fetched_at": stamp,
        "row": 1,
        "rule": rule,
        "reason": reason,
    }


@pytest.fixture(scope="session")
def report_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """^GSPC and ^VIX as they are, ^IXIC without :data:`TAKEN_OUT` but with a bar on a holiday, no AAPL, and a symbol of no universe."""
    lake = Lake(str(tmp_path_factory.mktemp("report")))
    bars = {symbol: real_bars(symbol, "2014-01-01", "2018-01-01") for symbol in SYMBOLS}
    nasdaq = bars["^IXIC"]
    nasdaq = nasdaq[~nasdaq["timestamp"].dt.strftime("%Y-%m-%d").isin(TAKEN_OUT)]
    holiday = nasdaq.iloc[[100]].assign(timestamp=pd.Timestamp("2015-12-25", tz="UTC").as_unit("us"))
    bars["^IXIC"] = pd.concat([nasdaq, holiday], ignore_index=True).sort_values("timestamp", ignore_index=True)
    for symbol, rows in bars.items():
        span = (datetime(2014, 1, 1, tzinfo=UTC), datetime(2018, 1, 1, tzinfo=UTC))
        history = {"history_from": rows["timestamp"].min().to_pydatetime(), "history_until": rows["timestamp"].max() + pd.Timedelta(days=1)}
        answer = Landed("sample", symbol, "1d", Adjustment.NONE, *span, datetime(2026, 1, 1, tzinfo=UTC), **history)
        write_landing(lake, answer, pa.Table.from_pandas(rows.reindex(columns=LANDING.names), schema=LANDING, preserve_index=False))
    stranger = bars["^GSPC"].iloc[:21].assign(symbol="XYZ")
    write_lake(lake, [*bars.values(), stranger])
    refuse(lake, "2015-03", [refused_row("^IXIC", "2015-03-03", "high_not_below_low", HOSTILE)])
    refuse(
        lake,
        "2015-01",
        [refused_row("^VIX", "2015-01-01", "close_present", "close is missing"), refused_row("XYZ", "2015-01-02", "close_present", "no")],
    )
    return lake


def refuse(lake: Lake, month: str, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows, schema=QUARANTINE)
    publish_month(lake, lake.quarantine("1d"), month, lambda _: table)


_CARD: dict[str, Any] = {
    "model_name": "volatility_garch",
    "version": "3",
    "question": "How volatile?",
    "label": "standard deviation",
    "universe": "sample",
    "timeframe": "1d",
    "trained_date": "2026-01-01T00:00:00+00:00",
    "training_samples": 1000,
    "symbols": ["^GSPC"],
    "feature_set": "test-set",
    "feature_count": 1,
    "features": ["return_1"],
    "seed": 7,
    "data_hash": "ab" * 32,
    "window": {"first": "2014-01-02", "last": "2017-12-29"},
    "evaluation": {"scheme": "walk-forward", "folds": 2, "first": "2016-01-04", "last": "2017-12-29", "rows": 500, "days": 500},
    "groups": [
        {
            "name": "^GSPC",
            "rows": 500,
            "metric_notes": {"rmse": "percent per day; lower is better", "coverage_90": "share inside"},
            "comparison": [
                {"name": "model", "role": "model", "metrics": {"rmse": 0.08, "accuracy": 0.5, "coverage_90": 0.91}},
                {"name": "naive", "role": "baseline", "metrics": {"rmse": 0.2, "accuracy": 0.4}},
                {"name": "simple", "role": "baseline", "metrics": {"rmse": 0.1, "accuracy": 0.6}},
                {"name": "cousin", "role": "reference", "metrics": {"rmse": 0.16, "accuracy": 0.1}},
            ],
        }
    ],
    "main_metric": {"name": "rmse", "unit": "percent per day", "lower_is_better": True},
    "promises": [{"text": "better than simple", "verdict": "met", "reason": "it is"}],
    "verdict": "met",
    "verdict_reason": "better than simple: it is",
}


@pytest.fixture
def raw_card() -> dict[str, Any]:
    """A card as training writes it; the test's own copy."""
    return deepcopy(_CARD)


@pytest.fixture
def with_metrics(raw_card: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """``with_metrics(model=0.1, naive=None)``: the card with other values of the main metric."""

    def change(**values: float | None) -> dict[str, Any]:
        for line in raw_card["groups"][0]["comparison"]:
            if line["name"] in values:
                line["metrics"]["rmse"] = values[line["name"]]
        return raw_card

    return change
