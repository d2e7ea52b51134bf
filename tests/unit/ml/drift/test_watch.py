"""A real champion, watched on a lake that went on, and on one in which the world changed."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from include.lake import Lake
from include.predictions import publish_predictions
from ml.drift.watch import watch
from ml.drift.windows import Verdict
from ml.prediction import state
from ml.promotion import promote, propose
from ml.report.drift import publish_drift
from ml.training import train
from tests.model_lake import real_bars, registry_at, write_lake

GARCH = "volatility_garch"
LAST = pd.Timestamp("2017-12-31", tz="UTC")
MONTHS = ["2018-01", "2018-02", "2018-03", "2018-04", "2018-05"]


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """Lakes until September; a champion that knows 2009 to 2017 and has spoken for five months since."""
    bars = [real_bars("^GSPC", "2009-01-01", "2018-07-01")]
    wild = bars[0].copy()
    late = wild["timestamp"] > LAST
    # Ten times the moves: as if another instrument went by the name.
    for name in ("open", "high", "low", "close"):
        wild.loc[late, name] *= 1 + 0.03 * (pd.Series(range(late.sum()), index=wild.index[late]) % 2)
    lake = write_lake(Lake(str(tmp_path_factory.mktemp("lake"))), bars)
    other = write_lake(Lake(str(tmp_path_factory.mktemp("other"))), [wild])
    with registry_at(tmp_path_factory.mktemp("registry")):
        train(lake, GARCH, universe="sample", end=LAST + pd.Timedelta(days=1), seed=7)
        decision = propose(GARCH)
        promote(GARCH, decision.version, expected=None, serves={}, reason=decision.reason)
        for month in MONTHS:
            for each in (lake, other):
                publish_predictions(each, GARCH, month, state(each, GARCH, [month], most_months=12).rows)
        yield lake, other


def test_a_world_that_goes_on_is_steady(watched):
    found = watch(watched[0], GARCH)
    assert (found.problem, found.version, found.trained_until) == (None, "1", "2017-12-29")
    assert {outcome.label for outcome in found.outcomes} == {"tomorrow", "next 20 days"}
    assert all(outcome.months == MONTHS for outcome in found.outcomes)
    assert found.inputs.months == [*MONTHS, "2018-06"]
    assert found.verdict is Verdict.STEADY
    assert found.drifted == []


def test_another_world_has_drifted(watched):
    found = watch(watched[1], GARCH)
    assert found.verdict is Verdict.DRIFTED
    assert any(line.startswith("features: mean shift") for line in found.drifted)
    assert any(line.startswith("tomorrow: calibration") for line in found.drifted)


def test_without_a_champion_nothing_is_watched(watched):
    assert watch(watched[0], "touch_xgboost") is None


def test_a_champion_that_cannot_be_looked_at_says_why(watched, tmp_path):
    found = watch(Lake(str(tmp_path)), GARCH)
    assert found.problem
    assert found.verdict is Verdict.EARLY


def test_the_page_holds_every_figure(watched, tmp_path):
    lake = Lake(str(tmp_path))
    seen = [watch(watched[1], GARCH), watch(lake, GARCH)]
    path = publish_drift(lake, seen, run="watch_drift__manual__1")
    assert path == "reports/watch_drift__manual__1/index.html"
    page = lake.read(path).decode()
    assert "cannot be looked at" in page
    assert "mean of all" in page
    figures = json.loads(lake.read("reports/watch_drift__manual__1/drift.json"))
    assert figures[0]["verdict"] == "drifted"
    assert figures[0]["outcomes"][0]["figures"]["loss"]["windows"] > 24
