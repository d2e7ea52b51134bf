"""How much of what its exchange's calendar promises a symbol has: in each month, and in all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from expectations.coverage import Coverage
from expectations.rules import Action, rule, suite
from expectations.suite_run import SuiteRun
from include.holds import Cause
from include.quality import Thresholds

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

RULE = "complete_enough"
_SHOWN = 3
_OF_ALL = " to "


def completeness_suite() -> ExpectationSuite:
    """Build the suite over one row a symbol and span of time: ``missing`` and ``missing_allowed`` (bars), ``expected``, ``share``."""
    return suite(
        "completeness",
        [
            rule(
                "ExpectColumnPairValuesAToBeGreaterThanB",
                RULE,
                "{span}: {missing:.0f} of {expected:.0f} bars are missing ({share:.1%}): {gaps}",
                Action.HOLD_SYMBOL,
                column_A="missing_allowed",
                column_B="missing",
                or_equal=True,
                ignore_row_if="either_value_is_missing",
            )
        ],
    )


def incomplete(run: SuiteRun, coverages: Sequence[Coverage], thresholds: Thresholds) -> dict[str, Cause]:
    """Say of each symbol that lacks too much, in all months or in one of them, why it is held back."""
    places = [(coverage, span, *counts) for coverage in coverages for span, counts in _spans(coverage)]
    rows = pd.DataFrame(
        {
            "symbol": [coverage.instrument.symbol for coverage, *_ in places],
            "missing": [missing for *_, missing in places],
            "missing_allowed": [thresholds.missing_allowed(expected) for *_, expected, _ in places],
        }
    )
    found: dict[str, dict[str, str]] = {}
    for position in sorted(run.broken(rows)):
        coverage, span, expected, missing = places[position]
        row: dict[str, Any] = {"span": span, "expected": expected, "missing": missing, "share": missing / expected}
        row["gaps"] = coverage.words(month=span if span in coverage.months else None)
        found.setdefault(coverage.instrument.symbol, {})[span] = run.reason([RULE], row)
    return {symbol: Cause(RULE, _told(reasons)) for symbol, reasons in found.items()}


def _spans(coverage: Coverage) -> Iterator[tuple[str, tuple[int, int]]]:
    """All the time, if it is more than one month, then each month."""
    if len(coverage.months) > 1:
        yield f"{min(coverage.months)}{_OF_ALL}{max(coverage.months)}", (coverage.expected, coverage.missing)
    yield from coverage.months.items()


def _told(reasons: dict[str, str]) -> str:
    """The first reasons by span; where one is of all the time, its gaps tell those of the months too."""
    (span, first), *others = reasons.items()
    if _OF_ALL in span:
        months = "one of its months lacks" if len(others) == 1 else f"{len(others)} of its months lack"
        return first + (f"; {months} too much alone" if others else "")
    more = f"; and {len(reasons) - _SHOWN} more months" if len(reasons) > _SHOWN else ""
    return "; ".join([*reasons.values()][:_SHOWN]) + more
