"""What a bar should be beside those before it, its exchange's calendar, the known splits and another source.

Nothing here refuses a row: real markets crash, split, and trade on odd days. The row is kept and the rule's name becomes one of
its flags. Only a price that rises fifty times overnight is no market's: it holds its symbol back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from expectations.rules import Action, rule, suite

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation


def series_suite() -> ExpectationSuite:
    """Build the suite over the columns of :func:`expectations.beside.beside`."""
    return suite(
        "series",
        [
            _none("split", "{known_split:g} new shares for one are known for this day, and the open shows it", "known_split"),
            _none(
                "suspected_split",
                "open is {open_ratio:.4f} of the close before, {previous_close:.10g}, with usual volume, as after {suspected_split:g} "
                "new shares for one; no such split is known",
                "suspected_split",
            ),
            rule(
                "ExpectColumnValuesToBeNull",
                "unit_jump",
                "open is {open_ratio:.4g} times the close before, {previous_close:.10g}: no market does that overnight, so one of the two "
                "is in another unit",
                Action.HOLD_SYMBOL,
                column="unit_jump",
            ),
            _at_most(
                "large_move", "close {close:.10g} is {move:.1%} away from the close before, {previous_close:.10g}", "move", "largest_move"
            ),
            _at_most(
                "wide_range",
                "high {high:.10g} or low {low:.10g} is {reach:.1%} away from open {open:.10g} and close {close:.10g}",
                "reach",
                "largest_move",
            ),
            _none("flat_without_volume", "open, high, low and close are {close:.10g} and nothing was traded", "flat_price"),
            rule(
                "ExpectColumnValuesToBeBetween",
                "no_volume",
                "nothing was traded, or the volume is missing",
                Action.WARN,
                column="traded",
                min_value=0,
                strict_min=True,
            ),
            rule(
                "ExpectColumnValuesToBeInSet",
                "prices_missing",
                "{missing_prices:.0f} of open, high and low are missing",
                Action.WARN,
                column="missing_prices",
                value_set=[0],
            ),
            rule(
                "ExpectColumnValuesToBeInSet",
                "off_calendar",
                "the exchange was closed at this time",
                Action.WARN,
                column="off_calendar",
                value_set=[0],
            ),
            rule(
                "ExpectColumnValuesToBeInSet",
                "off_grid",
                "the bar opens {grid_seconds:.0f} seconds beside the times at which bars of this size open",
                Action.WARN,
                column="grid_seconds",
                value_set=[0],
            ),
            rule(
                "ExpectColumnValuesToBeInSet",
                "out_of_order",
                "the row stands at the wrong place in its answer",
                Action.WARN,
                column="out_of_order",
                value_set=[0],
            ),
            _none("equal_to_earlier", "open, high, low, close and volume are those of {equal_to:%Y-%m-%d %H:%M}", "equal_to"),
            _at_most(
                "sources_disagree",
                "close {close:.10g} is {difference:.2%} away from {other_close:.10g} of source {other_source}",
                "difference",
                "largest_difference",
            ),
        ],
    )


def _none(name: str, reason: str, column: str) -> Expectation:
    return rule("ExpectColumnValuesToBeNull", name, reason, Action.WARN, column=column)


def _at_most(name: str, reason: str, column: str, most: str) -> Expectation:
    return rule(
        "ExpectColumnPairValuesAToBeGreaterThanB",
        name,
        reason,
        Action.WARN,
        column_A=most,
        column_B=column,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    )
