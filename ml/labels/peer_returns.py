"""Log returns over whole windows, of the past as features and of the days ahead as label."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.labels.volatility import last_values


def log_returns(returns: pd.Series, bars: int) -> pd.Series:
    """Log return over the ``bars`` rows that end with each row, from simple one-row returns; null where one is null.

    Each window is summed by itself: the value does not depend on where the history begins.
    """
    return pd.Series(np.log1p(last_values(returns, bars)).sum(axis=1), index=returns.index)


def returns_ahead(returns: pd.Series, closed_at: pd.Series, bars: int) -> pd.DataFrame:
    """Log return from each row's close to the close ``bars`` rows later: ``value`` and ``known_at``, null past the end."""
    return pd.DataFrame({"value": log_returns(returns, bars).shift(-bars), "known_at": closed_at.shift(-bars)})
