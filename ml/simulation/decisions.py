"""Who decides: a rule, or a model that states a direction; both say at each close which side to take."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from include.calendars import decision_delay
from include.errors import ConfigurationError
from include.lake import Lake
from include.predictions import read_predictions
from ml import registry
from ml.catalog import find_entry
from ml.gate import read_walk_forward
from ml.labels.direction import DOWN, UP
from ml.simulation.bars import Bars
from ml.simulation.fills import Bracket, Sides


class Decider(Protocol):
    """A strategy with its parameters."""

    @property
    def strategy_id(self) -> str:
        """Name of the strategy and its parameter set."""

    @property
    def parameters(self) -> str:
        """Everything that could be set otherwise, as canonical JSON."""

    @property
    def bracket(self) -> Bracket:
        """When to leave."""

    def decide(self, bars: Bars) -> tuple[Sides, npt.NDArray[np.bool_]]:
        """Side at each close, and whether nobody had learnt from what came after it."""


@dataclass(frozen=True)
class Reading:
    """How a model's statement becomes a side: its margin must be beyond one of the ``thresholds``; held for ``hold`` bars at most."""

    label: str
    margin: str
    thresholds: tuple[float, ...]
    hold: int


#: Models that state a direction. ``classes``: probability of UP less that of DOWN; ``value``: the stated log return.
READINGS = {
    "direction_xgboost": Reading("next session", "classes", (0.0, 0.05, 0.1), 1),
    "direction_lstm": Reading("next session", "classes", (0.0, 0.05, 0.1), 1),
    "industry_linear": Reading("next days", "value", (0.0, 0.005, 0.01), 5),
}
_TAKE_PROFIT, _STOP = 3.0, 1.5


@dataclass(frozen=True)
class ModelDecider:
    """A model beyond one threshold. ``margins``: ``symbol``, ``known_at``, ``margin``, ``is_oos``; one row a statement."""

    model_id: str
    reading: Reading
    threshold: float
    margins: pd.DataFrame

    @property
    def strategy_id(self) -> str:
        """Model and threshold."""
        return f"{self.model_id}-{self.threshold:g}"

    @property
    def parameters(self) -> str:
        """Threshold and bracket."""
        return json.dumps({"threshold": self.threshold, "label": self.reading.label} | asdict(self.bracket), sort_keys=True)

    @property
    def bracket(self) -> Bracket:
        """A time-out at the end of what is stated, within wide levels."""
        return Bracket(_TAKE_PROFIT, _STOP, self.reading.hold)

    def decide(self, bars: Bars) -> tuple[Sides, npt.NDArray[np.bool_]]:
        """Act on a statement at the last close before the first bar that opens once it is known."""
        own = self.margins[self.margins["symbol"] == bars.symbol]
        places = bars.timestamp.searchsorted(pd.DatetimeIndex(own["known_at"])) - 1
        usable = (places >= 0) & (places < len(bars) - 1)
        sides, is_oos = np.zeros(len(bars), np.int8), np.ones(len(bars), dtype=np.bool_)
        margin = own["margin"].to_numpy(np.float64)[usable]
        sides[places[usable]] = np.where(np.abs(margin) > self.threshold, np.sign(margin), 0).astype(np.int8)
        is_oos[places[usable]] = own["is_oos"].to_numpy(np.bool_)[usable]
        return sides, is_oos


def model_deciders(lake: Lake, model_id: str, universe: str, timeframe: str, *, allow_in_sample: bool) -> list[ModelDecider]:
    """Read what a model stated: its published predictions, and before them the walk-forward of the champion, else of the challenger.

    Raises
    ------
    ConfigurationError
        If the model states no direction, or there is nothing to trade on.
    """
    if find_entry(model_id).model_id not in READINGS:
        raise ConfigurationError(f"{model_id} states no direction to trade on; use some of {', '.join(READINGS)}")
    reading = READINGS[model_id]
    published = _published(lake, model_id, universe, timeframe, reading)
    in_sample = int((~published["is_oos"]).sum())
    if not allow_in_sample:
        published = published[published["is_oos"]]
    stated = pd.concat([published, _walked(model_id, universe, timeframe, reading)], ignore_index=True)
    stated = stated.drop_duplicates(["symbol", "known_at"], keep="first")
    if stated.empty:
        why = f"its {in_sample} predictions are in sample, and allow_in_sample is false" if in_sample else "nothing was predicted"
        raise ConfigurationError(f"{model_id} has nothing to trade on for {universe} {timeframe}: {why}; run train_models and predict")
    return [ModelDecider(model_id, reading, threshold, stated) for threshold in reading.thresholds]


def _published(lake: Lake, model_id: str, universe: str, timeframe: str, reading: Reading) -> pd.DataFrame:
    rows = read_predictions(lake, model_id)
    fits = rows["refused"].isna() & (rows["label"] == reading.label) & (rows["timeframe"] == timeframe) & (rows["universe"] == universe)
    return _margins(rows[fits], reading)


def _walked(model_id: str, universe: str, timeframe: str, reading: Reading) -> pd.DataFrame:
    version = registry.holder(model_id, registry.CHAMPION) or registry.holder(model_id, registry.CHALLENGER)
    found = registry.get(model_id, version) if version else None
    if found is None or (found.card["universe"], found.card["timeframe"]) != (universe, timeframe):
        return _margins(pd.DataFrame(columns=["symbol", "known_at", "is_oos", "value", f"p{DOWN}", f"p{UP}"]), reading)
    rows = read_walk_forward(found)
    rows = rows[rows["label"] == reading.label]
    # Its own known_at is that of the outcome.
    return _margins(rows.assign(known_at=rows["closed_at"] + decision_delay(timeframe), is_oos=True, value=rows["model"]), reading)


def _margins(rows: pd.DataFrame, reading: Reading) -> pd.DataFrame:
    margin = rows["value"] if reading.margin == "value" else rows[f"p{UP}"] - rows[f"p{DOWN}"]
    known: pd.DataFrame = rows[["symbol", "known_at", "is_oos"]].assign(margin=margin.astype(np.float64)).dropna(subset="margin")
    return known.astype({"is_oos": np.bool_})
