"""Volatility labels: the sample standard deviation (divisor n-1) of 20 simple daily returns, as a fraction per day."""

from __future__ import annotations

import numpy as np
import pandas as pd

WINDOW = 20


def last_values(values: pd.Series, count: int) -> np.ndarray:
    """Return the ``count`` values that end with each row, oldest first; shape (rows, count), early rows begin with nulls."""
    padded = np.concatenate([np.full(count - 1, np.nan), values.to_numpy(dtype=np.float64)])
    return np.lib.stride_tricks.sliding_window_view(padded, count)


def realised(returns: pd.Series) -> pd.Series:
    """Compute the standard deviation of the 20 returns that end with each row; null where one is null.

    Each window is computed by itself: the value does not depend on where the history begins.
    """
    return pd.Series(last_values(returns, WINDOW).std(axis=1, ddof=1), index=returns.index)


def ending_ahead(returns: pd.Series, closed_at: pd.Series, bars: int) -> pd.DataFrame:
    """Return what :func:`realised` will be ``bars`` rows later: ``value`` and ``known_at``, null past the end.

    With ``bars=1`` nineteen of its twenty returns are known already; with ``bars=20`` none.
    """
    return pd.DataFrame({"value": realised(returns).shift(-bars), "known_at": closed_at.shift(-bars)})
