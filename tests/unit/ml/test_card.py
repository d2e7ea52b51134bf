"""What a card says of the time that a version has learnt from."""

from __future__ import annotations

import pandas as pd
import pytest

from ml.card import evaluated, known_until
from ml.dataset import Dataset
from ml.protocol import Judgement

DAYS = pd.date_range("2018-01-01", periods=5, tz="UTC")
PROMISE = {"text": "It is better", "verdict": "not met", "reason": "no edge found"}


@pytest.mark.parametrize(("days", "until"), [(0, "2018-01-06"), (10, "2018-01-15")])
def test_an_outcome_that_came_after_the_last_row_was_learnt_all_the_same(days: int, until: str) -> None:
    """The last trade or option ends days after its entry; what is stated of it is in sample until then."""
    rows = pd.DataFrame({"symbol": "A", "timestamp": DAYS, "closed_at": DAYS + pd.Timedelta(hours=21), "x": 1.0})
    label = pd.DataFrame({"value": [1.0, 0.0, 1.0, 0.0, None], "known_at": DAYS + pd.Timedelta(days=1 + days)})
    label.loc[4, "known_at"] = pd.Timestamp("2030-01-01", tz="UTC")  # of no outcome, so nothing was learnt
    predictions = rows.assign(fold=0, label="next")
    judgement = Judgement([], [PROMISE], {"name": "rmse", "unit": "percent", "lower_is_better": True})
    card = evaluated({"model_name": "m"}, Dataset(rows, ["x"], {"next": label}), predictions, judgement, "weights")
    assert known_until(card) == pd.Timestamp(until, tz="UTC")
    assert card["window"]["last"] == "2018-01-05"
    assert card["training_samples"] == 4
