"""``volatility_garch``: how volatile the 20 returns that end tomorrow will be, and the next 20.

The first is structural: nineteen returns are known, GJR-GARCH-t says how the twentieth is spread. The second is the
square root of the mean variance that the same model expects. Parameters are fitted per symbol, the recursion between
two fits is causal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.dataset import Dataset, Source
from ml.labels.volatility import WINDOW, last_values
from ml.methods.garch import PERCENT, State, Variance, fit_best, state_after
from ml.models.volatility_data import (
    FEWEST_RETURNS,
    HORIZONS,
    RETURN,
    empty,
    structural,
    volatility_baselines,
    volatility_dataset,
    volatility_group,
)
from ml.models.volatility_judge import NEXT_20, TOMORROW, judge_volatility
from ml.protocol import Judgement, Predictions

_MODEL_FILE = "garch.json"


@dataclass(frozen=True)
class VolatilityGarch:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Kind of the variance and what is forecast."""
        return {
            "variance": "gjr-garch(1,1)-t",
            "mean": "constant",
            "window": WINDOW,
            "horizons": list(HORIZONS.values()),
            "trials": 1,
        }

    def group(self, label: str, symbol: str) -> str:
        """Name the symbol, and the horizon where it is not tomorrow."""
        return volatility_group(label, symbol)

    def prepare(self, source: Source) -> Dataset:
        """Rows of every symbol that has a price and two years of returns; the others are named in ``left_out``."""
        return volatility_dataset(source, "volatility_garch", [RETURN])

    def fit(self, known: Dataset, *, seed: int) -> FittedVolatility:  # noqa: ARG002 - nothing is random here
        """Maximise the likelihood per symbol."""
        fits = {}
        for symbol, part in known.rows.groupby("symbol"):
            returns = part[RETURN].dropna()
            if len(returns) >= FEWEST_RETURNS:
                variance = fit_best(returns.to_numpy(np.float64))
                everything = part[RETURN].iloc[part[RETURN].notna().argmax() :].to_numpy(np.float64)
                fits[str(symbol)] = Fit(
                    variance,
                    state_after(variance, everything, part["timestamp"].iloc[-1].isoformat()),
                    part.loc[returns.index[0], "timestamp"].isoformat(),
                )
        return FittedVolatility(fits)

    def load(self, files: Mapping[str, bytes]) -> FittedVolatility:
        """Read back what :meth:`FittedVolatility.files` gave."""
        raw = json.loads(files[_MODEL_FILE])
        fits = {}
        for symbol, fit in raw.items():
            state = State(**{**fit["state"], "recent": tuple(fit["state"]["recent"])})
            fits[symbol] = Fit(Variance(**fit["variance"]), state, fit["first"])
        return FittedVolatility(fits)

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """See :func:`ml.models.volatility_data.volatility_baselines`."""
        return volatility_baselines(known, data)

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.volatility_judge.judge_volatility`."""
        return judge_volatility(walk_forward)


@dataclass(frozen=True)
class Fit:
    """One symbol: its variance, the state after the last row it was fitted on, and its first return's bar."""

    variance: Variance
    state: State
    first: str


@dataclass(frozen=True)
class FittedVolatility:
    """Parameters and last state by symbol."""

    fits: dict[str, Fit]

    def predict(self, data: Dataset) -> Predictions:
        """State the deviation per day as a fraction; for tomorrow with ``lower`` and ``upper`` of the 90 % interval.

        Rows of a symbol that was not fitted stay null. Where the rows do not reach back to the symbol's first return,
        the recursion goes on from the stored state and rows up to that state stay null.
        """
        stated = empty(data, ["model", "lower", "upper"])
        ahead = empty(data, ["model"])
        for symbol, part in data.rows.groupby("symbol"):
            fit = self.fits.get(str(symbol))
            if fit is None:
                continue
            place, variances, recent = _continue(fit, part)
            known = np.isfinite(recent).all(axis=1)
            columns = [np.where(known, column, np.nan) for column in structural(fit.variance, variances, recent)]
            stated.loc[place, ["model", "lower", "upper"]] = np.column_stack(columns)
            ahead.loc[place, "model"] = np.where(known, np.sqrt(fit.variance.mean_variance(variances, WINDOW)) / PERCENT, np.nan)
        return {TOMORROW: stated, NEXT_20: ahead}

    def files(self) -> dict[str, bytes]:
        """``garch.json``: parameters and state by symbol."""
        content = {symbol: asdict(fit) for symbol, fit in sorted(self.fits.items())}
        return {_MODEL_FILE: json.dumps(content, indent=1).encode()}


def _continue(fit: Fit, part: pd.DataFrame) -> tuple[pd.Index, np.ndarray, np.ndarray]:
    """Rows that can be stated, their h(t+1) in percent squared, and their last 19 returns."""
    first, last = pd.Timestamp(fit.first), pd.Timestamp(fit.state.timestamp)
    before: tuple[float | None, ...]
    if (part["timestamp"] == first).any():
        part, start, before = part[part["timestamp"] >= first], None, (None,) * (WINDOW - 1)
    else:
        part, start, before = part[part["timestamp"] > last], fit.state.variance, fit.state.recent
    returns = pd.concat([pd.Series(before, dtype=np.float64), part[RETURN].astype(np.float64)], ignore_index=True)
    variances = fit.variance.next_variances(part[RETURN].to_numpy(np.float64), start)
    return part.index, variances, last_values(returns, WINDOW - 1)[WINDOW - 1 :]
