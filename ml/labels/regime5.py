"""Label ``regime5``: five market regimes by fixed rules, in this order, with these codes.

===== ================= ==================================================================
code  name              rule (first that holds)
===== ================= ==================================================================
4     EXTREME_STRESS    VIX > 30
1     BEAR_TRENDING     15 <= VIX <= 30 and return_20 < -5 %
2     HIGH_VOL_NEUTRAL  VIX > 20 and abs(return_20) < 5 %
0     BULL_TRENDING     VIX < 15 and return_20 > 3 % and close above its 50-day mean
3     LOW_VOL_NEUTRAL   everything else, quiet or not
===== ================= ==================================================================
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from include.errors import ModelError

REGIMES = ("BULL_TRENDING", "BEAR_TRENDING", "HIGH_VOL_NEUTRAL", "LOW_VOL_NEUTRAL", "EXTREME_STRESS")
BULL, BEAR, HIGH_VOL, LOW_VOL, STRESS = range(5)


def regime5(vix: pd.Series, return_20: pd.Series, close_to_sma_50: pd.Series) -> pd.Series:
    """Regime of each row.

    Parameters
    ----------
    vix
        Close of ^VIX in points.
    return_20
        Simple return over 20 bars, as a fraction.
    close_to_sma_50
        Close over its mean of 50 bars, minus 1, as a fraction.

    Returns
    -------
    pandas.Series
        Codes 0 to 4 as float64; null where any input is null (an unknown day is not a quiet day). Compared in single
        precision, the precision of features, so that a return of -5 % is exactly that.

    Raises
    ------
    ModelError
        If the inputs are plainly in other units.
    """
    level, change, trend = (series.to_numpy(dtype=np.float32, na_value=np.nan) for series in (vix, return_20, close_to_sma_50))
    check_units("regime5", level, change)
    with np.errstate(invalid="ignore"):
        codes = np.select(
            [
                level > 30,
                (level >= 15) & (level <= 30) & (change < np.float32(-0.05)),
                (level > 20) & (np.abs(change) < np.float32(0.05)),
                (level < 15) & (change > np.float32(0.03)) & (trend > 0),
            ],
            [STRESS, BEAR, HIGH_VOL, BULL],
            default=LOW_VOL,
        ).astype(np.float64)
    codes[np.isnan(level) | np.isnan(change) | np.isnan(trend)] = np.nan
    return pd.Series(codes, index=vix.index)


def ahead(label: pd.DataFrame, sessions: int) -> pd.DataFrame:
    """Return the label ``sessions`` rows later: ``value`` and ``known_at``, both null past the end."""
    return label[["value", "known_at"]].shift(-sessions)


def check_units(label: str, vix: np.ndarray, return_20: np.ndarray) -> None:
    """Raise ModelError where ^VIX is plainly not in points or the return over 20 days not a fraction."""
    level = vix[np.isfinite(vix)]
    change = np.abs(return_20[np.isfinite(return_20)])
    if level.size and np.median(level) < 2:
        raise ModelError(f"{label}: VIX must be in points, its median here is {np.median(level):.3g}")
    if change.size and np.median(change) > 0.5:
        raise ModelError(f"{label}: return_20 must be a fraction, its median size here is {np.median(change):.3g}")
