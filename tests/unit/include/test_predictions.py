"""Publishing predictions, reading them back, and the table of signals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from include.errors import LakeError
from include.predictions import latest_signals, publish_predictions, read_predictions
from include.schemas import PREDICTIONS


def said(day: str, value: float | None = 1.0, **changes: object) -> dict[str, object]:
    at = pd.Timestamp(day, tz="UTC").as_unit("us")
    row = dict.fromkeys(PREDICTIONS.names) | dict.fromkeys(("lower", "upper", "p0", "p1", "p2", "p3", "p4"), np.nan)
    row |= {"symbol": "AAPL", "timestamp": at, "closed_at": at, "known_at": at, "timeframe": "1d", "label": "tomorrow", "value": value}
    row |= {"line": "model", "is_oos": True, "model_id": "m", "model_version": "1", "universe": "sample"}
    return row | dict.fromkeys(("feature_set", "data_hash", "weights_hash"), "x") | changes


def table(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=PREDICTIONS.names)


def test_equal_rows_give_equal_bytes_in_any_order(lake):
    rows = [said("2018-05-01"), said("2018-05-02"), said("2018-05-01", symbol="MSFT")]
    first = publish_predictions(lake, "m", "2018-05", table(*rows))
    assert (first.rows, first.changed) == (3, True)
    again = publish_predictions(lake, "m", "2018-05", table(*reversed(rows)))
    assert (again.content, again.changed) == (first.content, False)
    assert len(list(Path(lake.root, "predictions").rglob("*.parquet"))) == 1
    assert read_predictions(lake, "m", ["2018-05"])["symbol"].tolist() == ["AAPL", "AAPL", "MSFT"]


def test_what_was_said_out_of_sample_is_not_said_better_afterwards(lake):
    publish_predictions(
        lake, "m", "2018-05", table(said("2018-05-01", 1.0), said("2018-05-02", 1.0), said("2018-05-03", 1.0, is_oos=False))
    )
    later = [said(f"2018-05-0{day}", 2.0, is_oos=oos, model_version="2") for day, oos in ((1, False), (2, True), (3, False))]
    publish_predictions(lake, "m", "2018-05", table(*later))
    found = read_predictions(lake, "m")
    assert found["value"].tolist() == [1.0, 2.0, 2.0]
    assert found["model_version"].tolist() == ["1", "2", "2"]


def test_a_refusal_does_not_wipe_out_what_was_said(lake):
    publish_predictions(lake, "m", "2018-05", table(said("2018-05-01"), said("2018-05-02", None, refused="strange")))
    publish_predictions(lake, "m", "2018-05", table(said("2018-05-01", None, refused="strange"), said("2018-05-02", 3.0)))
    assert read_predictions(lake, "m")["value"].tolist() == [1.0, 3.0]


def test_rows_of_one_bar_are_told_apart_by_their_particulars(lake):
    options = [said("2018-05-01", value, particulars=f'{{"strike": {value}}}') for value in (1.0, 2.0)]
    publish_predictions(lake, "m", "2018-05", table(*options))
    publish_predictions(lake, "m", "2018-05", table(options[1] | {"value": 5.0}))
    assert read_predictions(lake, "m")["value"].tolist() == [1.0, 5.0]


def test_what_does_not_fit_is_refused_and_changes_nothing(lake):
    for wrong in (said("2018-05-01", line=None), said("2018-05-01", is_oos=None)):
        with pytest.raises(LakeError, match="predictions of m, 2018-05: "):
            publish_predictions(lake, "m", "2018-05", table(wrong))
    with pytest.raises(LakeError, match="missing columns"):
        publish_predictions(lake, "m", "2018-05", table(said("2018-05-01")).drop(columns="line"))
    assert read_predictions(lake, "m").empty


def test_signals_are_the_newest_of_each_model_symbol_and_label(lake):
    assert latest_signals(lake).columns.tolist() == PREDICTIONS.names
    publish_predictions(lake, "m", "2018-04", table(said("2018-04-30", 9.0)))
    rows = [said("2018-05-01", 1.0), said("2018-05-02", None, refused="strange"), said("2018-05-01", 3.0, symbol="MSFT")]
    publish_predictions(lake, "m", "2018-05", table(*rows, said("2018-05-01", 4.0, label="next 20 days")))
    options = [said("2018-05-02", value, particulars=f'{{"strike": {value}}}', model_id="a") for value in (1.0, 2.0)]
    publish_predictions(lake, "a", "2018-05", table(*options))
    signals = latest_signals(lake)
    assert signals["model_id"].tolist() == ["a", "a", "m", "m", "m"]
    assert signals[signals["model_id"] == "m"][["symbol", "label"]].to_numpy().tolist() == [
        ["AAPL", "next 20 days"], ["AAPL", "tomorrow"], ["MSFT", "tomorrow"],
    ]  # fmt: skip
    assert signals["refused"].dropna().tolist() == ["strange"]
