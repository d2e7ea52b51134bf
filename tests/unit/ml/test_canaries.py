"""A canary dies in a model that does not learn, and in one that has seen what it states; it lives in an honest one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest

from include.errors import InsufficientDataError, ModelError
from ml.canaries import PLANTED, SHUFFLED, check_canaries
from ml.dataset import Dataset
from ml.protocol import Predictions

ROWS = 900


def dataset(values: np.ndarray, features: int = 3) -> Dataset:
    chance = np.random.default_rng(1)
    days = pd.date_range("2015-01-01", periods=len(values), tz="UTC", unit="us")
    rows = pd.DataFrame({"symbol": "A", "timestamp": days, "closed_at": days + pd.Timedelta(hours=21)})
    names = [f"feature_{number}" for number in range(features)]
    rows[names] = chance.normal(size=(len(values), features))
    label = pd.DataFrame({"value": values, "known_at": rows["closed_at"].shift(-1)}).where(lambda frame: frame["known_at"].notna())
    return Dataset(rows, names, {"label": label})


NUMBERS = dataset(np.random.default_rng(2).normal(size=ROWS))
CLASSES = dataset(np.random.default_rng(3).integers(0, 3, ROWS).astype(float))


@dataclass(frozen=True)
class Line:
    """Least squares; for classes, of each class's indicator."""

    classes: int = 0
    blind: bool = False
    peeks: bool = False
    weights: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def fit(self, known: Dataset, *, seed: int) -> Line:
        value = known.labels["label"]["value"]
        there = value.notna()
        wanted = value[there].to_numpy()
        target = np.eye(self.classes)[wanted.astype(int)] if self.classes else wanted[:, None]
        weights = np.linalg.lstsq(self._inputs(known)[there], target, rcond=None)[0]
        return Line(self.classes, self.blind, self.peeks, weights)

    def _inputs(self, data: Dataset) -> np.ndarray:
        features = data.rows[data.features].to_numpy() * (0.0 if self.blind else 1.0)
        return np.column_stack([np.ones(len(features)), features])

    def predict(self, data: Dataset) -> Predictions:
        said = self._inputs(data) @ self.weights
        value = data.labels["label"]["value"].to_numpy()
        if not self.classes:
            return {"label": pd.DataFrame({"model": value + 0.01 if self.peeks else said[:, 0]}, index=data.rows.index)}
        chances = np.clip(said, 0.01, 1.0)
        if self.peeks:
            chances = 0.01 + np.eye(self.classes)[np.nan_to_num(value).astype(int)]
        chances /= chances.sum(axis=1, keepdims=True)
        frame = pd.DataFrame(chances, columns=[f"p{code}" for code in range(self.classes)], index=data.rows.index)
        return {"label": frame.assign(model=chances.argmax(axis=1).astype(float))}

    def files(self) -> dict[str, bytes]:
        return {"weights": self.weights.tobytes()}

    def load(self, files: Mapping[str, bytes]) -> Line:
        raise NotImplementedError


KINDS = pytest.mark.parametrize(("data", "classes"), [(NUMBERS, 0), (CLASSES, 3)], ids=["numbers", "classes"])


@KINDS
def test_an_honest_model_passes(data, classes):
    card = check_canaries("line", Line(classes), data, seed=7)
    assert (card["symbols"], card["rows"]) == (["A"], ROWS)
    assert card[PLANTED]["verdict"] == "found"
    assert card[SHUFFLED]["verdict"] == "at the baseline"
    assert card[PLANTED]["share_of_loss_saved"]["label"]["low"] > 0
    assert abs(card[SHUFFLED]["share_of_loss_saved"]["label"]["mean"]) < 0.05


@KINDS
def test_one_that_does_not_look_at_its_features_is_refused(data, classes):
    with pytest.raises(ModelError, match="line does not find a signal that was planted in label"):
        check_canaries("line", Line(classes, blind=True), data, seed=7)


@KINDS
def test_one_that_has_seen_the_labels_is_refused(data, classes):
    with pytest.raises(ModelError, match=r"line (foretells labels of label that were dealt|does not find)"):
        check_canaries("line", Line(classes, peeks=True), data, seed=7)


class Hungry(Line):
    """Learns nothing from less than 1500 labels."""

    def fit(self, known: Dataset, *, seed: int) -> Line:
        return replace(Line.fit(self, known, seed=seed), blind=known.labels["label"]["value"].notna().sum() < 1500)


@KINDS
def test_rows_that_are_too_few_for_a_model_are_told_apart_from_a_model_that_is_dead(data, classes):
    with pytest.raises(
        InsufficientDataError, match=rf"training hungry: a signal that was planted in {ROWS} rows of A was not found \(label\)"
    ):
        check_canaries("hungry", Hungry(classes), data, seed=7)
    with pytest.raises(ModelError) as caught:
        check_canaries("line", Line(classes, blind=True), data, seed=7)
    assert not isinstance(caught.value, InsufficientDataError)


def test_on_rows_enough_a_dead_canary_is_dead_whatever_more_of_them_would_do():
    enough = dataset(np.random.default_rng(2).normal(size=1001))
    with pytest.raises(ModelError, match="hungry does not find a signal") as caught:
        check_canaries("hungry", Hungry(), enough, seed=7)
    assert not isinstance(caught.value, InsufficientDataError)


def test_a_row_that_is_held_out_is_held_out_each_time_it_is_repeated():
    """A table of what was seen, row by row, must not count as learning from features."""

    class Remembering(Line):
        def fit(self, known: Dataset, *, seed: int) -> Known:
            there = known.labels["label"]["value"].notna()
            return Known(seen=dict(zip(known.rows.loc[there, "feature_0"], known.labels["label"].loc[there, "value"], strict=True)))

    @dataclass(frozen=True)
    class Known(Line):
        seen: dict[float, float] = field(default_factory=dict)

        def predict(self, data: Dataset) -> Predictions:
            mean = float(np.mean(list(self.seen.values())))
            return {"label": pd.DataFrame({"model": [self.seen.get(key, mean) for key in data.rows["feature_0"]]})}

        def files(self) -> dict[str, bytes]:
            return {"seen": repr(self.seen).encode()}

    with pytest.raises(ModelError) as caught:
        check_canaries("memory", Remembering(), NUMBERS, seed=7)
    assert not isinstance(caught.value, InsufficientDataError)


def test_a_fit_that_has_seen_held_out_labels_is_refused():
    """Here both models peek, so only the shuffled labels can tell."""

    @dataclass(frozen=True)
    class Peeking(Line):
        def fit(self, known: Dataset, *, seed: int) -> Half:
            return Half(weights=Line.fit(self, known, seed=seed).weights)

    @dataclass(frozen=True)
    class Half(Line):
        def predict(self, data: Dataset) -> Predictions:
            honest = Line.predict(self, data)["label"]["model"]
            return {"label": pd.DataFrame({"model": (honest + data.labels["label"]["value"]) / 2})}

    with pytest.raises(ModelError, match="line foretells labels of label that were dealt out at random"):
        check_canaries("line", Peeking(), NUMBERS, seed=7)


def test_one_that_does_not_learn_from_labels_has_no_canary():
    class Constant(Line):
        def fit(self, known: Dataset, *, seed: int) -> Line:
            return Line(weights=np.ones((4, 1)))

    card = check_canaries("line", Constant(), NUMBERS, seed=7)
    assert card[PLANTED]["verdict"] == card[SHUFFLED]["verdict"] == "not applicable"
    assert "does not look at labels" in card[PLANTED]["reason"]


def test_bars_of_two_days_are_counted_by_bar():
    """By day there would be two numbers, one of them of a few rows of which the features tell nothing."""
    closed = pd.Series(pd.date_range("2024-08-30 22:00", periods=ROWS // 3, freq="5min", tz="UTC", unit="us")).repeat(3)
    rows = NUMBERS.rows.assign(timestamp=closed.array, closed_at=closed.array)
    rows.loc[rows["closed_at"] < "2024-08-31", NUMBERS.features] = 0.0
    card = check_canaries("line", Line(), replace(NUMBERS, rows=rows), seed=7)
    assert card[PLANTED]["share_of_loss_saved"]["label"]["low"] > 0.1


def test_few_rows_of_each_symbol_are_joined_where_they_are_no_series():
    """Of backtests a symbol has a few hundred: the newest of all symbols tell more than those of one."""
    rows = NUMBERS.rows.assign(symbol=np.repeat(["A", "B", "C"], ROWS // 3), strategy="s")
    rows["closed_at"] = rows["timestamp"] = np.tile(rows["closed_at"].iloc[: ROWS // 3], 3)
    data = replace(NUMBERS, rows=rows)
    assert check_canaries("line", Line(), data, seed=7)["symbols"] == ["A"]
    card = check_canaries("line", Line(), replace(data, particulars=["strategy"]), seed=7)
    assert (card["symbols"], card["rows"]) == (["A", "B", "C"], ROWS - 1)  # the last has no label
    with pytest.raises(ModelError, match="does not find a signal"):
        check_canaries("line", Line(blind=True), replace(data, particulars=["strategy"]), seed=7)


def test_the_same_seed_gives_the_same_card():
    assert check_canaries("line", Line(), NUMBERS, seed=7) == check_canaries("line", Line(), NUMBERS, seed=7)
    assert check_canaries("line", Line(), NUMBERS, seed=8) != check_canaries("line", Line(), NUMBERS, seed=7)


def test_the_features_stay_as_they_are():
    before = NUMBERS.content_hash()
    check_canaries("line", Line(), NUMBERS, seed=7)
    assert NUMBERS.content_hash() == before
