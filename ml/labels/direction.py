"""Label ``direction``: whether the next close is lower, about equal or higher, with these codes.

==== ======= =================================
code name    simple return to the next close
==== ======= =================================
0    DOWN    below -0.1 %
1    NEUTRAL from -0.1 % to +0.1 %, both included
2    UP      above +0.1 %
==== ======= =================================
"""

from __future__ import annotations

import numpy as np
import pandas as pd

DIRECTIONS = ("DOWN", "NEUTRAL", "UP")
DOWN, NEUTRAL, UP = range(3)
BAND = 0.001


def direction(returns: pd.Series) -> pd.Series:
    """Code of each simple return (a fraction) as float64, null where it is null.

    Compared in single precision, the precision of features, so that a return of 0.1 % is exactly that.
    """
    change = returns.to_numpy(dtype=np.float32, na_value=np.nan)
    codes = np.select([change < np.float32(-BAND), change > np.float32(BAND)], [DOWN, UP], default=NEUTRAL).astype(np.float64)
    codes[np.isnan(change)] = np.nan
    return pd.Series(codes, index=returns.index)


def next_direction(returns: pd.Series, closed_at: pd.Series) -> pd.DataFrame:
    """Direction from each row's close to the next row's: ``value`` and ``known_at``, null in the last row."""
    return pd.DataFrame({"value": direction(returns).shift(-1), "known_at": closed_at.shift(-1)})
