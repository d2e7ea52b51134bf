"""Deciders that trade on predictions: when they may act, on what, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from include.errors import ConfigurationError
from include.predictions import publish_predictions
from include.schemas import PREDICTIONS
from ml.simulation import decisions
from ml.simulation.decisions import READINGS, ModelDecider, model_deciders
from tests.unit.ml.simulation.bars import walk

MODEL = "direction_xgboost"


def said(day: str, up: float, **changes: object) -> dict[str, object]:
    at = pd.Timestamp(day, tz="UTC").as_unit("us")
    row: dict[str, object] = dict.fromkeys(PREDICTIONS.names) | dict.fromkeys(("lower", "upper", "p3", "p4"), np.nan)
    row |= {"symbol": "TEST", "timestamp": at, "closed_at": at + pd.Timedelta(hours=21), "known_at": at + pd.Timedelta(hours=22)}
    row |= {"timeframe": "1d", "label": "next session", "value": 2.0, "p0": 0.9 - up, "p1": 0.1, "p2": up, "line": "model", "is_oos": True}
    row |= dict.fromkeys(("feature_set", "data_hash", "weights_hash", "model_version"), "x") | {"universe": "sample", "model_id": MODEL}
    return row | changes


def publish(lake, *rows):
    frame = pd.DataFrame(list(rows), columns=PREDICTIONS.names)
    for month, part in frame.groupby(frame["timestamp"].dt.strftime("%Y-%m")):
        publish_predictions(lake, MODEL, str(month), part)


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch):
    monkeypatch.setattr(decisions.registry, "holder", lambda *_: None)


def deciders(lake, **changes):
    return model_deciders(lake, MODEL, **{"universe": "sample", "timeframe": "1d", "allow_in_sample": False} | changes)


def test_a_statement_is_acted_upon_at_the_first_open_after_it_was_known(lake):
    publish(lake, said("2018-01-03", 0.7), said("2018-01-05", 0.1), said("2018-01-06", 0.47))
    bars = walk(20, 1)  # daily bars from 1 January
    found = {one.threshold: one for one in deciders(lake)}
    sides, is_oos = found[0.0].decide(bars)
    # Known at 22:00 of the third: filled at the open of the fourth, so decided at the close before it.
    assert {place: side for place, side in enumerate(sides) if side} == {2: 1, 4: -1, 5: 1}
    assert is_oos.all()
    assert np.flatnonzero(found[0.05].decide(bars)[0]).tolist() == [2, 4]
    assert found[0.1].strategy_id == "direction_xgboost-0.1"
    assert found[0.1].bracket.hold == READINGS[MODEL].hold == 1


def test_on_short_bars_one_waits_until_it_is_known():
    bars = walk(60, 1, timeframe="5m")
    margins = pd.DataFrame({"symbol": "TEST", "known_at": bars.closed_at[[3, 50]] + pd.Timedelta(hours=1), "margin": 0.5, "is_oos": True})
    sides, _ = ModelDecider(MODEL, READINGS[MODEL], 0.0, margins).decide(bars)
    known = bars.closed_at[3] + pd.Timedelta(hours=1)
    place = int(np.flatnonzero(sides)[0])
    assert bars.timestamp[place + 1] >= known > bars.timestamp[place]
    assert (sides != 0).sum() == 1  # the other one was known after the last bar


def test_in_sample_predictions_are_refused_unless_asked_for(lake):
    publish(lake, said("2018-01-03", 0.7, is_oos=False), said("2018-01-05", 0.7, is_oos=False))
    with pytest.raises(
        ConfigurationError, match=r"its 2 predictions are in sample, and allow_in_sample is false; run train_models and predict"
    ):
        deciders(lake)
    sides, is_oos = deciders(lake, allow_in_sample=True)[0].decide(walk(20, 1))
    assert np.flatnonzero(sides).tolist() == [2, 4]
    assert is_oos[sides != 0].tolist() == [False, False]
    publish(lake, said("2018-01-08", 0.2))
    assert np.flatnonzero(deciders(lake)[0].decide(walk(20, 1))[0]).tolist() == [7]


def test_refused_rows_and_rows_of_others_are_left_out(lake):
    publish(
        lake,
        said("2018-01-03", np.nan, value=np.nan, p0=np.nan, refused="strange"),
        said("2018-01-04", 0.7, universe="core5"),
        said("2018-01-05", 0.7, timeframe="1h"),
        said("2018-01-06", 0.7, symbol="OTHER"),
        said("2018-01-07", 0.7),
    )
    assert np.flatnonzero(deciders(lake)[0].decide(walk(20, 1))[0]).tolist() == [6]


def test_a_walk_forward_is_traded_on_and_what_was_published_wins(lake, monkeypatch):
    rows = pd.DataFrame([said("2018-01-03", 0.7), said("2018-01-05", 0.7)]).rename(columns={"value": "model"})
    # In a walk-forward known_at is when the outcome was known; to act by it would be too late, to read the outcome a leak.
    rows = rows.assign(known_at=pd.Timestamp("2018-02-01", tz="UTC"), actual=0.0).drop(columns="is_oos")
    found = type("Registered", (), {"card": {"universe": "sample", "timeframe": "1d"}})()
    monkeypatch.setattr(decisions.registry, "holder", lambda _, alias: "1" if alias == "champion" else None)
    monkeypatch.setattr(decisions.registry, "get", lambda *_: found)
    monkeypatch.setattr(decisions, "read_walk_forward", lambda _: rows)
    publish(lake, said("2018-01-05", 0.2))
    sides, is_oos = deciders(lake)[0].decide(walk(20, 1))
    assert {place: side for place, side in enumerate(sides) if side} == {2: 1, 4: -1}
    assert is_oos.all()
    with pytest.raises(ConfigurationError, match="nothing was predicted"):
        deciders(lake, universe="core5")


def test_a_model_without_a_direction_is_refused(lake):
    with pytest.raises(ConfigurationError, match="volatility_garch states no direction to trade on; use some of direction_xgboost"):
        model_deciders(lake, "volatility_garch", "sample", "1d", allow_in_sample=False)
