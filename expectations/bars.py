"""What one row must be to become a bar; a row that is not goes to quarantine.

Open, high and low may be missing together or alone (some sources give closes only): the rules on them hold where they are present.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from expectations.rules import Action, rule, suite

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations import ExpectationSuite

PRICES = ["open", "high", "low", "close", "volume", "adjusted_close"]

#: Rounding of adjusted prices may leave, for example, a close one last digit below its low; a difference up to this share
#: of the price is none.
ROUNDING = 1e-9

_LARGEST = sys.float_info.max
#: A day's volume of the coin with the most units is some 1e14.
_MOST_TRADED = 1e18
_POSITIVE = ("open", "high", "low", "close", "adjusted_close")
_ORDER = (("high", "low"), ("high", "open"), ("high", "close"), ("open", "low"), ("close", "low"))


def bar_suite() -> ExpectationSuite:
    """Build the suite over the columns of :func:`prepare`."""
    reject = Action.REJECT_ROW
    return suite(
        "bars",
        [
            rule("ExpectColumnValuesToNotBeNull", "close_present", "close is missing", reject, column="close"),
            *(
                rule(
                    "ExpectColumnValuesToBeBetween",
                    f"{price}_positive",
                    f"{price} {{{price}:.10g}} is not a positive number",
                    reject,
                    column=price,
                    min_value=0,
                    strict_min=True,
                    max_value=_LARGEST,
                )
                for price in _POSITIVE
            ),
            *(
                rule(
                    "ExpectColumnPairValuesAToBeGreaterThanB",
                    f"{upper}_not_below_{lower}",
                    f"{upper} {{{upper}:.10g}} is below {lower} {{{lower}:.10g}}",
                    reject,
                    column_A=upper,
                    column_B=lower,
                    or_equal=True,
                    ignore_row_if="either_value_is_missing",
                )
                for upper, lower in _ORDER
            ),
            rule(
                "ExpectColumnValuesToBeBetween",
                "volume_not_negative",
                "volume {volume:.10g} is negative, or more than is traded of anything",
                reject,
                column="volume",
                min_value=0,
                max_value=_MOST_TRADED,
            ),
            rule(
                "ExpectColumnPairValuesAToBeGreaterThanB",
                "bar_finished",
                "fetched at {fetched_at:%Y-%m-%d %H:%M} UTC, before the bar closed at {closed_at:%Y-%m-%d %H:%M}; fetch it again",
                reject,
                column_A="fetched_at",
                column_B="closed_at",
                or_equal=True,
                ignore_row_if="either_value_is_missing",
            ),
            rule(
                "ExpectColumnValuesToBeInSet",
                "day_at_midnight",
                "a daily bar is labelled by midnight UTC of its session's date, this one by {timestamp:%H:%M}",
                reject,
                column="after_midnight",
                value_set=[0],
            ),
            rule(
                "ExpectColumnValuesToBeInSet",
                "row_not_repeated",
                "an equal row for this time stands before it in the same answer",
                reject,
                column="repeats",
                value_set=[0],
            ),
            rule(
                "ExpectCompoundColumnsToBeUnique",
                "one_row_per_time",
                "the same answer holds another row with other values for this time",
                reject,
                column_list=["symbol", "timestamp", "repeats"],
            ),
        ],
    )


def prepare(rows: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    """Make the frame that the suite sees.

    Parameters
    ----------
    rows
        symbol, timestamp, closed_at, fetched_at (UTC) and :data:`PRICES`, in the order of landing; all rows of one symbol and
        time stand in one frame.

    Returns
    -------
    pandas.DataFrame
        The same rows with rounding differences levelled, ``repeats`` (how many equal rows stand before) and ``after_midnight``
        (seconds, of daily bars).
    """
    checked = rows[["symbol", "timestamp", "closed_at", "fetched_at", *PRICES]].reset_index(drop=True)
    for price, bound in (("high", "low"), ("open", "low"), ("open", "high"), ("close", "low"), ("close", "high")):
        level = np.isclose(checked[price], checked[bound], rtol=ROUNDING, atol=0)
        checked[price] = checked[price].where(~level, checked[bound])
    checked["after_midnight"] = (
        (checked["timestamp"] - checked["timestamp"].dt.normalize()).dt.total_seconds() if timeframe == "1d" else 0.0
    )
    checked["repeats"] = 0
    several = checked.duplicated(["symbol", "timestamp"], keep=False)
    if several.any():
        same = rows.reset_index(drop=True).loc[several, ["symbol", "timestamp", *PRICES]]
        checked.loc[several, "repeats"] = same.groupby(list(same.columns), dropna=False, sort=False).cumcount()
    return checked
