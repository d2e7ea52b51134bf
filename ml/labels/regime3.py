"""Label ``regime3``: whether the market of a bar trends, ranges or is better left alone, by fixed rules over the past of its own symbol.

==== ======== ======================================================================================================
code name     rule (first that holds)
==== ======== ======================================================================================================
2    NO_TRADE the bar is dead (volume below a fifth of its 20-bar mean, or ATR below half its median of 100 bars) or
              wild (ATR above 2.5 times that median)
0    TREND    ADX > 25 and the 26-bar exponential mean moved by more than half an ATR within 5 bars
1    RANGE    ADX < 20 and the Bollinger bands are closer than in the median of 100 bars
2    NO_TRADE by default: neither holds
==== ======== ======================================================================================================

ADX above 25 for a trend and below 20 for none are Wilder's customary bounds, narrow bands Bollinger's squeeze. All medians end with
the bar itself, so that the label of a bar is known at its close, and never changes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

REGIMES = ("TREND", "RANGE", "NO_TRADE")
TREND, RANGE, NO_TRADE = range(3)
#: Features that the rules read; all but the last must be known.
INPUTS = ("adx_14", "ema_26", "atr_14", "natr_14", "bollinger_width_20", "volume_ratio_20")
MEASURES = ("slope_5", "span_to_usual", "width_to_usual")
MEDIAN_BARS, SLOPE_BARS = 100, 5
_TRENDING, _RANGING, _CLEAR_SLOPE = 25.0, 20.0, 0.5
_LEAST_VOLUME, _LEAST_SPAN, _MOST_SPAN = 0.2, 0.5, 2.5


def regime3(rows: pd.DataFrame) -> pd.Series:
    """Regime of each bar.

    Parameters
    ----------
    rows
        ``symbol`` and :data:`INPUTS`, as the features of these names; each symbol's rows in order of time and without holes: means and
        medians count rows.

    Returns
    -------
    pandas.Series
        Codes 0 to 2 as float64 on the index of ``rows``; null where an input is null, and for the first 100 bars of a symbol. A null
        volume (an instrument that trades none) is no dead bar.
    """
    measured, adx = measures(rows), rows["adx_14"].astype(np.float64)
    slope, span, width = (measured[name] for name in MEASURES)
    idle = (rows["volume_ratio_20"] < _LEAST_VOLUME) | (span < _LEAST_SPAN) | (span > _MOST_SPAN)
    rules = [idle, (adx > _TRENDING) & (slope.abs() > _CLEAR_SLOPE), (adx < _RANGING) & (width < 1)]
    codes = np.select(rules, [NO_TRADE, TREND, RANGE], default=NO_TRADE).astype(np.float64)
    return pd.Series(np.where(adx.notna() & measured.notna().all(axis=1), codes, np.nan), index=rows.index)


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """What the rules compare, :data:`MEASURES`, of the same rows.

    ``slope_5``: change of the mean within 5 bars in ATRs; ``span_to_usual`` and ``width_to_usual``: ATR and distance of the Bollinger
    bands, both as a share of the price, over their medians of 100 bars.
    """
    average, span, share, width = (rows[name].astype(np.float64) for name in INPUTS[1:5])
    symbols = rows["symbol"]
    slope = average.groupby(symbols).diff(SLOPE_BARS) / span
    return pd.concat([slope, share / _median(share, symbols), width / _median(width, symbols)], axis=1, keys=MEASURES)


def _median(values: pd.Series, symbols: pd.Series) -> pd.Series:
    return values.groupby(symbols).transform(lambda part: part.rolling(MEDIAN_BARS, min_periods=MEDIAN_BARS).median())
