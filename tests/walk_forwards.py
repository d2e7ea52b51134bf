"""Walk-forwards that are made up: a truth, a model that misses it by so much, and two baselines."""

from __future__ import annotations

import numpy as np
import pandas as pd

DAYS = 500


def walk(spread: float, *, seed: int = 1, days: int = DAYS, level: float = 0.0, label: str = "tomorrow", ahead: int = 1) -> pd.DataFrame:
    """Statements that miss by ``spread``; the naive line misses by 1."""
    truth, chance = np.random.default_rng(99), np.random.default_rng(seed)
    stamps = pd.date_range("2015-01-01", periods=days, tz="UTC", unit="us")
    actual = truth.normal(size=DAYS)[:days] + level
    naive = actual + truth.normal(size=DAYS)[:days]
    closed = stamps + pd.Timedelta(hours=21)
    rows = pd.DataFrame({"group": "A", "label": label, "symbol": "A", "timestamp": stamps, "closed_at": closed})
    known_at = closed + pd.Timedelta(days=ahead)
    return rows.assign(known_at=known_at, actual=actual, fold=0, model=actual + spread * chance.normal(size=days), naive=naive, mean=0.0)
