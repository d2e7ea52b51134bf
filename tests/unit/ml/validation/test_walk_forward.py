from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.errors import ModelError
from ml.dataset import Dataset
from ml.protocol import Predictions
from ml.validation.walk_forward import walk_forward

HORIZON = 20


@dataclass
class Recorder:
    """Remembers what it was shown; states the mean of the labels it knew."""

    shown: list[Dataset] = field(default_factory=list)
    reached: list[Dataset] = field(default_factory=list)

    def group(self, label: str, symbol: str) -> str:
        return f"{symbol}/{label}"

    def fit(self, known: Dataset, *, seed: int) -> "Recorder":
        self.shown.append(known)
        return self

    def predict(self, data: Dataset) -> Predictions:
        self.reached.append(data)
        stated = pd.DataFrame({"model": self.shown[-1].labels["later"]["value"].mean()}, index=data.rows.index)
        stated.loc[data.rows["symbol"] == "B", "model"] = np.nan
        return {"later": stated}

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        return {"later": pd.DataFrame({"zero": 0.0}, index=data.rows.index)}

    def files(self) -> dict[str, bytes]:
        return {}

    def load(self, files: Mapping[str, bytes]) -> Any: ...

    def params(self) -> dict[str, Any]:
        return {}


def dataset(symbols: tuple[str, ...] = ("A",)) -> Dataset:
    stamps = pd.bdate_range("2010-01-01", "2015-12-31", tz="UTC")
    parts, labels = [], []
    for symbol in symbols:
        rows = pd.DataFrame({"symbol": symbol, "timestamp": stamps, "closed_at": stamps + pd.Timedelta(hours=21), "x": 1.0})
        parts.append(rows)
        labels.append(pd.DataFrame({"value": np.arange(len(rows)) * 1.0, "known_at": rows["closed_at"].shift(-HORIZON)}))
        labels[-1].loc[labels[-1]["known_at"].isna(), "value"] = np.nan
    return Dataset(pd.concat(parts, ignore_index=True), ["x"], {"later": pd.concat(labels, ignore_index=True)})


def test_no_training_label_is_known_after_the_test_begins() -> None:
    recorder = Recorder()
    found = walk_forward(recorder, dataset(), seed=1)
    assert len(recorder.shown) == found["fold"].nunique() == 4
    for number, known in enumerate(recorder.shown):
        first_tested = found.loc[found["fold"] == number, "closed_at"].min()
        label = known.labels["later"]
        assert label.loc[label["value"].notna(), "known_at"].max() <= first_tested
        assert known.rows["closed_at"].max() < first_tested
        assert label["value"].isna().sum() >= HORIZON - 1  # the purge did take the overlapping ones


def test_what_is_predicted_ends_with_the_fold() -> None:
    recorder = Recorder()
    found = walk_forward(recorder, dataset(), seed=1)
    for number, reached in enumerate(recorder.reached):
        assert reached.rows["closed_at"].max() >= found.loc[found["fold"] == number, "closed_at"].max()
        if number + 1 in set(found["fold"]):
            assert reached.rows["closed_at"].max() < found.loc[found["fold"] == number + 1, "closed_at"].min()


def test_every_row_with_a_label_is_stated_once() -> None:
    data = dataset()
    found = walk_forward(Recorder(), data, seed=1)
    label = data.labels["later"]["value"]
    expected = data.rows[(data.rows["closed_at"] >= found["closed_at"].min()) & label.notna()]
    assert found["timestamp"].tolist() == expected["timestamp"].tolist()
    assert not found.duplicated(["label", "symbol", "timestamp"]).any()
    assert list(found.columns[:2]) == ["group", "label"]
    assert set(found["group"]) == {"A/later"}


def test_rows_that_the_model_cannot_state_are_left_out_for_all() -> None:
    assert set(walk_forward(Recorder(), dataset(("A", "B")), seed=1)["symbol"]) == {"A"}
    with pytest.raises(ModelError, match="no row to judge"):
        walk_forward(Recorder(), dataset(("B",)), seed=1)
