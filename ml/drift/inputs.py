"""How far the features of the newest months lie from what the model was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.months import MONTH_FORMAT
from ml.drift.windows import MOST_MONTHS, Rank, rank, rolling_sums

_BINS = 10


@dataclass(frozen=True)
class InputDrift:
    """``months`` since training, the mean shift over all features, and each feature's own, the strangest first."""

    months: list[str]
    rows: int
    mean: Rank
    features: dict[str, Rank]


def input_drift(training: pd.DataFrame, later: pd.DataFrame, names: list[str]) -> InputDrift | None:
    """Rank the population stability index of the newest months against those of equal windows of training.

    The index of a window is the sum over bins of (q - p) ln(q / p), p the share of training in a bin and q the window's; bins are
    the deciles of training and one for nulls; half a row is added to each bin, so that an empty one does not make it infinite.

    Parameters
    ----------
    training, later
        Columns ``timestamp`` (UTC) and ``names``; ``later`` are rows that training did not hold, None is returned without any.
    """
    if later.empty:
        return None
    stamps = later["timestamp"].dt.strftime(MONTH_FORMAT)
    months = sorted(stamps.unique())[-MOST_MONTHS:]
    newest = later[stamps.isin(months)]
    known = training["timestamp"].dt.strftime(MONTH_FORMAT)
    calendar = sorted(known.unique())
    place = known.map({month: number for number, month in enumerate(calendar)}).to_numpy()
    now, before = np.empty(len(names)), np.empty((max(len(calendar) - len(months) + 1, 0), len(names)))
    for number, name in enumerate(names):
        held = training[name].to_numpy(np.float64)
        edges = _deciles(held)
        counts = np.zeros((len(calendar), len(edges) + 2))
        np.add.at(counts, (place, _bins(held, edges)), 1.0)
        shares = _shares(counts.sum(axis=0))
        before[:, number] = _index(_shares(rolling_sums(counts, len(months))), shares)
        found = np.bincount(_bins(newest[name].to_numpy(np.float64), edges), minlength=len(edges) + 2).astype(np.float64)
        now[number] = _index(_shares(found), shares)
    ranks = {name: rank(now[number], before[:, number]) for number, name in enumerate(names)}
    ordered = dict(sorted(ranks.items(), key=lambda item: (item[1].share, -item[1].figure)))
    return InputDrift(months, len(newest), rank(float(now.mean()), before.mean(axis=1)), ordered)


def _deciles(values: np.ndarray) -> np.ndarray:
    known = values[np.isfinite(values)]
    return np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(known) else np.empty(0)


def _bins(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Bin of each value; the last one is for nulls."""
    return np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), len(edges) + 1)


def _shares(counts: np.ndarray) -> np.ndarray:
    return np.asarray((counts + 0.5) / (counts + 0.5).sum(axis=-1, keepdims=True))


def _index(window: np.ndarray, training: np.ndarray) -> np.ndarray:
    return np.asarray(((window - training) * np.log(window / training)).sum(axis=-1))
