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

from include.universes import Instrument, Kind
from ml.dataset import Dataset, Source, insufficient, too_short
from ml.labels.volatility import WINDOW, ending_ahead, last_values, realised
from ml.methods.garch import PERCENT, State, Variance, ewma, fit_best, fit_garch, state_after
from ml.methods.structural import next_deviation
from ml.models.volatility_judge import NEXT_20, TOMORROW, judge_volatility
from ml.protocol import Judgement, Predictions

_HORIZONS = {TOMORROW: 1, NEXT_20: 20}
_RETURN = "return_1"
_MODEL_FILE = "garch.json"
_FEWEST_RETURNS = 250  # below, a symbol is not fitted in a fold


@dataclass(frozen=True)
class VolatilityGarch:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Kind of the variance and what is forecast."""
        return {
            "variance": "gjr-garch(1,1)-t",
            "mean": "constant",
            "window": WINDOW,
            "horizons": list(_HORIZONS.values()),
            "trials": 1,
        }

    def group(self, label: str, symbol: str) -> str:
        """Name the symbol, and the horizon where it is not tomorrow."""
        return symbol if label == TOMORROW else f"{symbol}, {label}"

    def prepare(self, source: Source) -> Dataset:
        """Rows of every symbol that has a price and two years of returns; the others are named in ``left_out``."""
        symbols = [instrument.symbol for instrument in source.universe.instruments if _has_a_price(instrument)]
        rows = source.features(symbols, [_RETURN])
        usable, left_out = [], {}
        for symbol in symbols:
            reason = too_short(rows.loc[(rows["symbol"] == symbol) & rows[_RETURN].notna(), "closed_at"])
            if reason:
                left_out[symbol] = reason
            else:
                usable.append(symbol)
        if not usable:
            raise insufficient(
                "volatility_garch",
                "; ".join(f"{symbol}: {why}" for symbol, why in left_out.items()) or "no symbol has a price",
            )
        rows = rows[rows["symbol"].isin(usable)].reset_index(drop=True)
        labels = {
            name: pd.concat([_label(part, bars) for _, part in rows.groupby("symbol")]).sort_index() for name, bars in _HORIZONS.items()
        }
        return Dataset(rows, [_RETURN], labels, left_out)

    def fit(self, known: Dataset, *, seed: int) -> FittedVolatility:  # noqa: ARG002 - nothing is random here
        """Maximise the likelihood per symbol."""
        fits = {}
        for symbol, part in known.rows.groupby("symbol"):
            returns = part[_RETURN].dropna()
            if len(returns) >= _FEWEST_RETURNS:
                variance = fit_best(returns.to_numpy(np.float64))
                everything = part[_RETURN].iloc[part[_RETURN].notna().argmax() :].to_numpy(np.float64)
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
        """State yesterday's deviation, the 19 known returns alone, EWMA, and plain GARCH with normal innovations."""
        stated = _empty(data, ["naive", "19 known returns", "structural EWMA", "structural GARCH", "plain GARCH"])
        ahead = _empty(data, ["naive", "EWMA", "GARCH"])
        for symbol, part in data.rows.groupby("symbol"):
            learned = known.rows.loc[known.rows["symbol"] == symbol, _RETURN].dropna().to_numpy(np.float64)
            if len(learned) < _FEWEST_RETURNS:
                continue
            returns = part[_RETURN]
            recent = last_values(returns, WINDOW - 1)
            smooth, plain = ewma(learned), fit_garch(learned, asymmetric=False) or ewma(learned)
            smooth_next, plain_next = (fit.next_variances(returns.to_numpy(np.float64)) for fit in (smooth, plain))
            place = part.index
            stated.loc[place, "naive"] = ahead.loc[place, "naive"] = realised(returns).to_numpy()
            stated.loc[place, "19 known returns"] = recent.std(axis=1, ddof=1)
            stated.loc[place, "structural EWMA"] = _structural(smooth, smooth_next, recent)[0]
            stated.loc[place, "structural GARCH"] = _structural(plain, plain_next, recent)[0]
            stated.loc[place, "plain GARCH"] = np.sqrt(plain_next) / PERCENT
            ahead.loc[place, "EWMA"] = np.sqrt(smooth_next) / PERCENT
            ahead.loc[place, "GARCH"] = np.sqrt(plain.mean_variance(plain_next, WINDOW)) / PERCENT
        return {TOMORROW: stated, NEXT_20: ahead}

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
        stated = _empty(data, ["model", "lower", "upper"])
        ahead = _empty(data, ["model"])
        for symbol, part in data.rows.groupby("symbol"):
            fit = self.fits.get(str(symbol))
            if fit is None:
                continue
            place, variances, recent = _continue(fit, part)
            known = np.isfinite(recent).all(axis=1)
            columns = [np.where(known, column, np.nan) for column in _structural(fit.variance, variances, recent)]
            stated.loc[place, ["model", "lower", "upper"]] = np.column_stack(columns)
            ahead.loc[place, "model"] = np.where(known, np.sqrt(fit.variance.mean_variance(variances, WINDOW)) / PERCENT, np.nan)
        return {TOMORROW: stated, NEXT_20: ahead}

    def files(self) -> dict[str, bytes]:
        """``garch.json``: parameters and state by symbol."""
        content = {symbol: asdict(fit) for symbol, fit in sorted(self.fits.items())}
        return {_MODEL_FILE: json.dumps(content, indent=1).encode()}


def _has_a_price(instrument: Instrument) -> bool:
    # An index that trades no volume is a statistic (^VIX): its changes are no returns of anything one can hold.
    return instrument.kind != Kind.INDEX or instrument.trades_volume


def _label(part: pd.DataFrame, bars: int) -> pd.DataFrame:
    return ending_ahead(part[_RETURN], part["closed_at"], bars)


def _empty(data: Dataset, columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(np.nan, index=data.rows.index, columns=columns)


def _continue(fit: Fit, part: pd.DataFrame) -> tuple[pd.Index, np.ndarray, np.ndarray]:
    """Rows that can be stated, their h(t+1) in percent squared, and their last 19 returns."""
    first, last = pd.Timestamp(fit.first), pd.Timestamp(fit.state.timestamp)
    before: tuple[float | None, ...]
    if (part["timestamp"] == first).any():
        part, start, before = part[part["timestamp"] >= first], None, (None,) * (WINDOW - 1)
    else:
        part, start, before = part[part["timestamp"] > last], fit.state.variance, fit.state.recent
    returns = pd.concat([pd.Series(before, dtype=np.float64), part[_RETURN].astype(np.float64)], ignore_index=True)
    variances = fit.variance.next_variances(part[_RETURN].to_numpy(np.float64), start)
    return part.index, variances, last_values(returns, WINDOW - 1)[WINDOW - 1 :]


def _structural(variance: Variance, following: np.ndarray, recent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return next_deviation(recent, variance.mean / PERCENT, following / PERCENT**2, variance.degrees)
