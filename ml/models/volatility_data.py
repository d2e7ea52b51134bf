"""What the volatility models share: rows, labels and the baselines beside them."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pandas as pd

from ml.dataset import Dataset, Source
from ml.labels.volatility import WINDOW, ending_ahead, last_values, realised
from ml.methods.garch import PERCENT, Variance, ewma, fit_garch
from ml.methods.structural import next_deviation
from ml.models.volatility_judge import NEXT_20, TOMORROW
from ml.panel import priced_rows
from ml.protocol import Predictions

#: Rows ahead of the last return by the name of the label.
HORIZONS = MappingProxyType({TOMORROW: 1, NEXT_20: 20})
RETURN = "return_1"
#: The deviation of the next days goes half of the way back to its mean: no more than that, and hard to beat.
HALF = "half EWMA, half mean"
FEWEST_RETURNS = 250  # below, a symbol is not fitted in a fold


def volatility_group(label: str, symbol: str) -> str:
    """Name the symbol, and the horizon where it is not tomorrow."""
    return symbol if label == TOMORROW else f"{symbol}, {label}"


def volatility_dataset(source: Source, model_id: str, names: list[str]) -> Dataset:
    """Rows of every symbol that has a price and two years of returns; the others are named in ``left_out``."""
    rows, left_out = priced_rows(source, model_id, names, RETURN)
    parts = [part for _, part in rows.groupby("symbol")]
    labels = {
        name: pd.concat([ending_ahead(part[RETURN], part["closed_at"], bars) for part in parts]).sort_index()
        for name, bars in HORIZONS.items()
    }
    return Dataset(rows, names, labels, left_out)


def volatility_baselines(known: Dataset, data: Dataset) -> Predictions:
    """State yesterday's deviation, the 19 known returns alone, EWMA, its mean with the mean in training, and plain GARCH (normal)."""
    stated = empty(data, ["naive", "19 known returns", "structural EWMA", "structural GARCH", "plain GARCH"])
    ahead = empty(data, ["naive", "EWMA", HALF, "GARCH"])
    for symbol, part in data.rows.groupby("symbol"):
        learned = known.rows.loc[known.rows["symbol"] == symbol, RETURN].dropna().to_numpy(np.float64)
        if len(learned) < FEWEST_RETURNS:
            continue
        returns = part[RETURN]
        recent = last_values(returns, WINDOW - 1)
        smooth, plain = ewma(learned), fit_garch(learned, asymmetric=False) or ewma(learned)
        smooth_next, plain_next = (fit.next_variances(returns.to_numpy(np.float64)) for fit in (smooth, plain))
        place = part.index
        stated.loc[place, "naive"] = ahead.loc[place, "naive"] = realised(returns).to_numpy()
        stated.loc[place, "19 known returns"] = recent.std(axis=1, ddof=1)
        stated.loc[place, "structural EWMA"] = structural(smooth, smooth_next, recent)[0]
        stated.loc[place, "structural GARCH"] = structural(plain, plain_next, recent)[0]
        stated.loc[place, "plain GARCH"] = np.sqrt(plain_next) / PERCENT
        ahead.loc[place, "EWMA"] = np.sqrt(smooth_next) / PERCENT
        ahead.loc[place, HALF] = (ahead.loc[place, "EWMA"] + realised(pd.Series(learned)).mean()) / 2
        ahead.loc[place, "GARCH"] = np.sqrt(plain.mean_variance(plain_next, WINDOW)) / PERCENT
    return {TOMORROW: stated, NEXT_20: ahead}


def structural(variance: Variance, following: np.ndarray, recent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """See :func:`ml.methods.structural.next_deviation`; ``following`` is h(t+1) in percent squared."""
    return next_deviation(recent, variance.mean / PERCENT, following / PERCENT**2, variance.degrees)


def empty(data: Dataset, columns: list[str]) -> pd.DataFrame:
    """A table of nulls on the rows of ``data``."""
    return pd.DataFrame(np.nan, index=data.rows.index, columns=columns)
