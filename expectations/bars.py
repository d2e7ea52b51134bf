"""The rules for bars as a Great Expectations suite; ``python -m expectations.bars`` stores it as JSON anew.

Open, high and low may be missing together or alone (some sources give closes only): the rules on them hold where they are present.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

STORED = Path(__file__).parent / "suites" / "bars.json"

#: Rounding of adjusted prices may leave, for example, a close one last digit below its low; a difference up to this share
#: of the price is none.
ROUNDING = 1e-9

#: Column of the checked frame: how many equal rows (same symbol, time and values) stand before this one.
REPEATS = "repeats"

_LARGEST = sys.float_info.max
_PRICES = ("open", "high", "low", "close", "adjusted_close")
_ORDER = (("high", "low"), ("high", "open"), ("high", "close"), ("open", "low"), ("close", "low"))


def bar_suite() -> ExpectationSuite:
    """Build the suite.

    Each expectation's ``meta`` names its ``rule`` and holds the ``reason`` told for a row that breaks it, a format string
    over the row's columns. The order of the rules is the order in which a row's reasons are told.
    """
    import great_expectations as gx
    from great_expectations import expectations

    gxe: Any = expectations
    rules: list[Expectation] = [
        gxe.ExpectColumnValuesToNotBeNull(column="close", meta=_meta("close_present", "close is missing")),
        *(
            gxe.ExpectColumnValuesToBeBetween(
                column=price,
                min_value=0,
                strict_min=True,
                max_value=_LARGEST,
                meta=_meta(f"{price}_positive", f"{price} {{{price}:.10g}} is not a positive number"),
            )
            for price in _PRICES
        ),
        *(
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A=upper,
                column_B=lower,
                or_equal=True,
                ignore_row_if="either_value_is_missing",
                meta=_meta(f"{upper}_not_below_{lower}", f"{upper} {{{upper}:.10g}} is below {lower} {{{lower}:.10g}}"),
            )
            for upper, lower in _ORDER
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="volume",
            min_value=0,
            max_value=_LARGEST,
            meta=_meta("volume_not_negative", "volume {volume:.10g} is negative or infinite"),
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column=REPEATS, value_set=[0], meta=_meta("row_not_repeated", "an equal row for this time stands before it in the same answer")
        ),
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["symbol", "timestamp", REPEATS],
            meta=_meta("one_row_per_time", "the same answer holds another row with other values for this time"),
        ),
    ]
    return gx.ExpectationSuite(name="bars", expectations=rules)


def rule_names(suite: ExpectationSuite) -> list[str]:
    """Names of the suite's rules, in order."""
    return [_meta_of(expectation)["rule"] for expectation in suite.expectations]


def reasons(suite: ExpectationSuite) -> dict[str, str]:
    """Return the reason of each rule, a format string over the columns of a row."""
    return {_meta_of(expectation)["rule"]: _meta_of(expectation)["reason"] for expectation in suite.expectations}


def render() -> str:
    """Write the suite as the JSON text that is stored; it says nothing of versions, machines or ids."""
    content: dict[str, Any] = bar_suite().to_json_dict()
    rules = [{key: value for key, value in rule.items() if key != "id"} for rule in content["expectations"]]
    stored = {"name": content["name"], "expectations": rules}
    return json.dumps(stored, indent=2) + "\n"


def main(path: Path = STORED) -> None:
    """Store the suite."""
    path.write_text(render(), encoding="utf-8")


def _meta(rule: str, reason: str) -> dict[str, str]:
    return {"rule": rule, "reason": reason}


def _meta_of(expectation: Expectation) -> dict[str, str]:
    meta: dict[str, str] = expectation.meta or {}
    return meta


if __name__ == "__main__":
    main()
