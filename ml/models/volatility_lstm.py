"""``volatility_lstm``: how volatile the 20 returns that end tomorrow will be, and the next 20, by a network over the last 20 sessions.

The network does not state the level, at which networks lose to yesterday's value. It states how far the outcome will be off what can
be said without it: for tomorrow the 19 known returns with an exponentially weighted variance for the twentieth, for the next 20 days
the exponentially weighted deviation itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.dataset import Dataset, Source
from ml.labels.volatility import WINDOW, last_values
from ml.methods.contributions import as_shares
from ml.methods.recurrent import STEPS, Recurrent, Settings, fit_recurrent, load_recurrent
from ml.methods.structural import next_deviation
from ml.models.volatility_data import HORIZONS, RETURN, volatility_baselines, volatility_dataset, volatility_group
from ml.models.volatility_judge import NEXT_20, TOMORROW, judge_volatility
from ml.protocol import IMPORTANCE_FILE, Judgement, Predictions

_LEVEL = "ewma_volatility_20"
_FEATURES = [
    RETURN,
    _LEVEL,
    "range_volatility_20",
    "volatility_20",
    "volatility_60",
    "natr_14",
    "bollinger_width_20",
    "volume_ratio_20",
]
#: Columns of :func:`_inputs`, in the words of the card.
_COLUMNS = [f"{RETURN} / level", "level", *(f"{name} / level" for name in _FEATURES[2:7]), "volume_ratio_20"]
_NETWORK = Settings(units=32, epochs=3, rate=0.001, least_steps=150)
#: Settings that were compared on every other year of the walk-forward; the card carries it.
_TRIALS = 8
#: Farthest that an outcome in training counts as off, relative to what it is compared with: one crash shall not teach all.
_FARTHEST = 2.0
_SHARE = 0.9
#: Of the Student-t that tomorrow's return is drawn from.
_DEGREES = 4.0
_FILE = "residual"


@dataclass(frozen=True)
class VolatilityLstm:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Size of the network, how it learns, and what it corrects."""
        return {
            **_NETWORK._asdict(),
            "steps": STEPS,
            "window": WINDOW,
            "horizons": list(HORIZONS.values()),
            "corrects": "19 known returns with EWMA variance; EWMA deviation",
            "trials": _TRIALS,
        }

    def group(self, label: str, symbol: str) -> str:
        """Name the symbol, and the horizon where it is not tomorrow."""
        return volatility_group(label, symbol)

    def prepare(self, source: Source) -> Dataset:
        """Rows of every symbol that has a price and two years of returns; the others are named in ``left_out``."""
        return volatility_dataset(source, "volatility_lstm", _FEATURES)

    def fit(self, known: Dataset, *, seed: int) -> FittedNetwork:
        """Fit one network for all symbols and both horizons."""
        without = np.column_stack([base for base, _, _ in _without(known.rows).values()])
        outcome = np.column_stack([known.labels[name]["value"].to_numpy(np.float64) for name in HORIZONS])
        off = np.clip(outcome / without - 1, -_FARTHEST, _FARTHEST)
        inputs, symbols, start = _inputs(known.rows), known.rows["symbol"], np.zeros(without.shape)
        network = fit_recurrent(inputs, symbols, start, off, kind="values", settings=_NETWORK, seed=seed)
        reliance = network.reliance(inputs, symbols)
        return FittedNetwork(network, {name: as_shares(reliance[:, place], _COLUMNS) for place, name in enumerate(HORIZONS)})

    def load(self, files: Mapping[str, bytes]) -> FittedNetwork:
        """Read back what :meth:`FittedNetwork.files` gave."""
        return FittedNetwork(load_recurrent(files, _FILE), json.loads(files[IMPORTANCE_FILE]))

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """See :func:`ml.models.volatility_data.volatility_baselines`."""
        return volatility_baselines(known, data)

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.volatility_judge.judge_volatility`."""
        return judge_volatility(walk_forward)


@dataclass(frozen=True)
class FittedNetwork:
    """One network for all symbols, and by horizon the features' shares in how far it goes from what is said without it."""

    network: Recurrent
    importance: dict[str, dict[str, float]]

    def predict(self, data: Dataset) -> Predictions:
        """State the deviation per day as a fraction.

        For tomorrow with the 90 % interval of the forecast without the network, widened where the network leaves it.
        """
        off = self.network.outputs(_inputs(data.rows), data.rows["symbol"], np.zeros((len(data.rows), len(HORIZONS))))
        stated = {}
        for place, (name, (base, lower, upper)) in enumerate(_without(data.rows).items()):
            model = base * (1 + off[:, place])
            known = {"lower": np.where(model < lower, model, lower), "upper": np.where(model > upper, model, upper)}
            interval = {edge: np.where(np.isnan(model), np.nan, values) for edge, values in known.items()} if name == TOMORROW else {}
            stated[name] = pd.DataFrame({"model": model, **interval}, index=data.rows.index)
        return stated

    def files(self) -> dict[str, bytes]:
        """``residual.keras``, ``residual.json`` and ``importance.json``."""
        return {**self.network.files(_FILE), IMPORTANCE_FILE: json.dumps(self.importance, indent=1).encode()}


def _without(rows: pd.DataFrame) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """By horizon what can be said without the network, and its interval."""
    level = rows[_LEVEL].to_numpy(np.float64)
    recent = np.concatenate([last_values(part[RETURN], WINDOW - 1) for _, part in rows.groupby("symbol")])
    known = np.isfinite(recent).all(axis=1) & (level > 0)
    base, lower, upper = (np.where(known, column, np.nan) for column in next_deviation(recent, 0.0, level**2, _DEGREES, share=_SHARE))
    level = np.where(known, level, np.nan)
    return {TOMORROW: (base, lower, upper), NEXT_20: (level, level, level)}


def _inputs(rows: pd.DataFrame) -> np.ndarray:
    """Shape (rows, features): volatilities as logarithms relative to the level, the return in units of it."""
    level = rows[_LEVEL].to_numpy(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = {name: np.log(rows[name].to_numpy(np.float64) / level) for name in _FEATURES[2:7]}
        return np.column_stack([rows[RETURN].to_numpy(np.float64) / level, np.log(level), *relative.values(), rows["volume_ratio_20"]])
