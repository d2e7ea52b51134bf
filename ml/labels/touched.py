"""Label ``touched``: 1 where an option's strike was reached between the bar after its entry and its expiry, both inclusive.

A call's is reached by a high at or above it, a put's by a low at or below it. The label is known at the close of the expiry,
also where the strike was reached sooner: else the training set of a day would know of the touches and not of the rest.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def touched(bars: pd.DataFrame, options: pd.DataFrame) -> pd.DataFrame:
    """Label the options of one symbol.

    Parameters
    ----------
    bars
        ``timestamp``, ``closed_at``, ``high``, ``low`` in order of time, prices on one scale.
    options
        ``timestamp`` of the entry's bar, ``expiry`` (as a bar's timestamp), ``days`` (sessions from entry to expiry), ``right``
        (``call`` or ``put``) and ``strike`` on the scale of the bars.

    Returns
    -------
    pandas.DataFrame
        ``value`` (1.0 or 0.0) and ``known_at`` on the index of ``options``; both null where the expiry lies after the last bar, or
        a session between has no high or low: then nobody can know.
    """
    first, after = (bars["timestamp"].searchsorted(options[name], side="right") for name in ("timestamp", "expiry"))
    count, call = after - first, (options["right"] == "call").to_numpy()
    reach = int(count.max(initial=1))
    highest, lowest = (_windows(bars[name], reach)[first] for name in ("high", "low"))
    inside = np.arange(reach) < count[:, None]
    strike = options["strike"].to_numpy()[:, None]
    hit = np.where(call[:, None], highest >= strike, lowest <= strike)
    whole = np.isfinite(np.where(inside, highest + lowest, 0.0)).all(axis=1)
    known = whole & (count >= options["days"].to_numpy()) & (options["expiry"] <= bars["timestamp"].max()).to_numpy()
    value = np.where(known, (hit & inside).any(axis=1).astype(np.float64), np.nan)
    known_at = bars["closed_at"].reindex(np.where(known, after - 1, -1))
    return pd.DataFrame({"value": value, "known_at": known_at.to_numpy()}, index=options.index).astype(
        {"known_at": bars["closed_at"].dtype}
    )


def _windows(values: pd.Series, reach: int) -> np.ndarray:
    """The ``reach`` values from each place on, and from the place after the last; null past the end."""
    padded = np.concatenate([values.to_numpy(np.float64), np.full(reach, np.nan)])
    return np.lib.stride_tricks.sliding_window_view(padded, reach)
