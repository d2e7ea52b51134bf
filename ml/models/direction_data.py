"""What the two direction models share: rows, labels, where they start, and the baselines beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from include.feature_sets import read_current
from ml.dataset import Dataset, Source
from ml.labels.direction import DIRECTIONS, DOWN, UP, next_direction
from ml.methods.logistic import fit_logistic, logistic_probabilities
from ml.methods.transitions import Transitions, as_columns, by_group, guess
from ml.panel import priced_rows
from ml.protocol import Predictions

NEXT = "next session"
#: A short look at each symbol: for sequences, which see the days before themselves, and for the logistic baseline.
PLAIN = (
    "return_1",
    "return_5",
    "return_20",
    "return_60",
    "close_to_sma_50",
    "sma_50_to_200",
    "rsi_14",
    "volatility_20",
    "ewma_volatility_20",
    "range_volatility_20",
    "volume_ratio_20",
)
_NEEDED = "return_60"  # before it is known a symbol is too young to be looked at


def direction_dataset(source: Source, model_id: str, names: list[str]) -> Dataset:
    """Rows of every symbol that has a price, from its first known 60-session return on."""
    rows, left_out = priced_rows(source, model_id, names, _NEEDED)
    begun = rows[_NEEDED].notna().groupby(rows["symbol"]).cummax()
    rows = rows[begun].reset_index(drop=True)
    parts = [next_direction(part["return_1"], part["closed_at"]) for _, part in rows.groupby("symbol")]
    features = [name for name in names if rows[name].notna().any()]
    return Dataset(rows, features, {NEXT: pd.concat(parts).sort_index()}, left_out)


def scale_free(source: Source) -> list[str]:
    """Features of the current set that mean the same for every symbol: none that scales with its price or volume."""
    facts = read_current(source.lake, source.timeframe).features
    return [feature.name for feature in facts if "price" not in feature.unit and "volume" not in feature.unit]


def learned(known: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Rows with a label, as a mask, and their codes."""
    value = known.labels[NEXT]["value"]
    taken = value.notna().to_numpy()
    return taken, value[taken].to_numpy()


def symbol_codes(rows: pd.DataFrame, symbols: list[str]) -> np.ndarray:
    """Place of each row's symbol among ``symbols``; null where it is not there."""
    places = {symbol: float(place) for place, symbol in enumerate(symbols)}
    return rows["symbol"].map(places).to_numpy(np.float64)


def prior(known: Dataset) -> Transitions:
    """Give each symbol of ``known`` the shares of its classes."""
    taken, later = learned(known)
    codes = symbol_codes(known.rows, known.symbols)
    return by_group(codes[taken], later, len(known.symbols), len(DIRECTIONS))


def direction_baselines(known: Dataset, data: Dataset) -> Predictions:
    """State the symbol's shares in training (majority), always up, the reversal of today's sign, and a logistic regression."""
    classes = len(DIRECTIONS)
    taken, later = learned(known)
    plain = [name for name in PLAIN if name in known.features]
    logistic = fit_logistic(known.rows.loc[taken, plain].to_numpy(), later)
    lines = {
        "majority": prior(known).probabilities(symbol_codes(data.rows, known.symbols)),
        "always up": guess(np.full(len(later), UP), later, classes).probabilities(np.full(len(data.rows), float(UP))),
        "reversal": guess(_opposite(known.rows[taken]), later, classes).probabilities(_opposite(data.rows)),
        "logistic": logistic_probabilities(logistic, data.rows[plain].to_numpy(), classes),
    }
    return {NEXT: pd.concat([as_columns(line, chances, data.rows.index) for line, chances in lines.items()], axis=1)}


def _opposite(rows: pd.DataFrame) -> np.ndarray:
    """Down after a rise, else up."""
    return np.where(rows["return_1"].to_numpy() > 0, DOWN, UP).astype(np.float64)
