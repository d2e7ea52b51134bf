"""Label ``regime4``: four market regimes by fixed rules, in this order of priority, with these codes.

==== ========= ==================================================================================
code name      rule (first that holds)
==== ========= ==================================================================================
1    BEAR      50-day mean below the 200-day mean, VIX > 30 and return_20 < 0
3    HIGH_VOL  VIX > 30 and daily standard deviation over 20 days > 1.5 %
0    BULL      50-day mean above the 200-day mean, VIX < 20 and return_20 > 0
2    SIDEWAYS  ADX < 20
2    SIDEWAYS  by default: no rule holds
==== ========= ==================================================================================

The rules overlap (nearly every BEAR day is a HIGH_VOL day too, hence the order) and leave gaps: a quarter to a third of the days
match none. They are counted apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from ml.labels.regime5 import check_units

REGIMES = ("BULL", "BEAR", "SIDEWAYS", "HIGH_VOL")
BULL, BEAR, SIDEWAYS, HIGH_VOL = range(4)
#: Rules by name, in the order of their priority, with the code they give.
PRIORITY: Mapping[str, int] = MappingProxyType(
    {"bear": BEAR, "high vol": HIGH_VOL, "bull": BULL, "sideways": SIDEWAYS, "default": SIDEWAYS}
)
INPUTS = ("vix", "sma_50_to_200", "return_20", "adx_14", "volatility_20")


def regime4(inputs: pd.DataFrame) -> pd.DataFrame:
    """Regime of each row.

    Parameters
    ----------
    inputs
        :data:`INPUTS`: ^VIX in points, the 50-day over the 200-day mean minus 1, the return over 20 days and the daily standard
        deviation over 20 days as fractions, ADX in percent. Compared in single precision, the precision of features.

    Returns
    -------
    pandas.DataFrame
        ``value``: codes 0 to 3 as float64; ``by_default``: 1 where no rule holds, else 0. Both null where an input is null.

    Raises
    ------
    ModelError
        If the inputs are plainly in other units.
    """
    level, trend, change, strength, swing = (inputs[name].to_numpy(dtype=np.float32, na_value=np.nan) for name in INPUTS)
    check_units("regime4", level, change)
    with np.errstate(invalid="ignore"):
        rules = [
            (trend < 0) & (level > 30) & (change < 0),
            (level > 30) & (swing > np.float32(0.015)),
            (trend > 0) & (level < 20) & (change > 0),
            strength < 20,
        ]
    known = np.isfinite(inputs[list(INPUTS)].to_numpy(np.float64)).all(axis=1)
    codes = np.select(rules, list(PRIORITY.values())[: len(rules)], default=PRIORITY["default"])
    default = ~np.any(rules, axis=0)
    return pd.DataFrame(
        {"value": np.where(known, codes, np.nan), "by_default": np.where(known, default.astype(np.float64), np.nan)}, index=inputs.index
    )
