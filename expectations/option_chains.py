"""What the quotes of an option chain should be before anybody computes with them.

A chain is stored as it came and never changed: nothing here refuses a row. Far strikes really have no bid; quotes that cannot be
traded on are told, so that features and reports can leave them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from expectations.rules import Action, rule, suite
from expectations.suite_run import SuiteRun

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

#: Days without a trade after which the last price says nothing of today.
_STALE_DAYS = 7
#: Yearly volatilities outside of this are what is left where a price could not be inverted.
_VOLATILITY = (0.01, 5.0)

_COLUMNS = ["expiry", "strike", "right", "bid", "ask", "last", "last_trade", "implied_volatility"]


def option_chain_suite() -> ExpectationSuite:
    """Build the suite over the columns of :func:`prepare`."""
    return suite(
        "option_chains",
        [
            _between("bid_there", "nobody bids", "bid", least=0, strict=True),
            _between("ask_there", "nobody offers", "ask", least=0, strict=True),
            rule(
                "ExpectColumnPairValuesAToBeGreaterThanB",
                "quote_not_crossed",
                "bid {quoted_bid:.10g} is above ask {quoted_ask:.10g}",
                Action.WARN,
                column_A="quoted_ask",
                column_B="quoted_bid",
                or_equal=True,
                ignore_row_if="either_value_is_missing",
            ),
            _between("trade_fresh", "last traded {idle_days:.0f} days before the fetch", "idle_days", most=_STALE_DAYS),
            _between(
                "volatility_plausible",
                "an implied volatility of {implied_volatility:.4g} a year is none",
                "implied_volatility",
                least=_VOLATILITY[0],
                most=_VOLATILITY[1],
            ),
            rule(
                "ExpectCompoundColumnsToBeUnique",
                "option_once",
                "another row holds this expiry, strike and right",
                Action.WARN,
                column_list=["expiry", "strike", "right"],
            ),
        ],
    )


def prepare(chain: pa.Table) -> pd.DataFrame:
    """Make the frame that the suite sees: rows of :func:`include.option_chains.read_chain` in their order; a missing bid or ask is 0."""
    frame: pd.DataFrame = chain.select(_COLUMNS).to_pandas()
    fetched = pd.Series(pd.DatetimeIndex(chain["fetched_at"].to_pandas(), tz="UTC"))
    frame["idle_days"] = (fetched - frame["last_trade"]).dt.total_seconds() / 86_400
    frame["bid"], frame["ask"] = frame["bid"].fillna(0.0), frame["ask"].fillna(0.0)
    for side in ("bid", "ask"):
        frame[f"quoted_{side}"] = frame[side].where(frame[side] > 0)
    return frame


def flag_quotes(run: SuiteRun, chain: pa.Table) -> np.ndarray:
    """Warnings of each row of a chain, comma-separated; None where there are none. ``run`` adds them up for the Data Docs.

    Raises
    ------
    LakeError
        If a rule could not be evaluated.
    """
    flags = np.full(chain.num_rows, None, object)
    for position, rules in run.broken(prepare(chain)).items():
        flags[position] = ",".join(rules)
    return flags


def _between(
    name: str, reason: str, column: str, *, least: float | None = None, most: float | None = None, strict: bool = False
) -> Expectation:
    return rule(
        "ExpectColumnValuesToBeBetween", name, reason, Action.WARN, column=column, min_value=least, max_value=most, strict_min=strict
    )
