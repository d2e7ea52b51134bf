"""How much of what its exchange's calendar promises a symbol has: in each month, and in all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from expectations.coverage import Coverage
from expectations.rules import Action, rule, suite
from expectations.suite_run import SuiteRun
from include.completeness import MonthCount
from include.holds import Cause
from include.quality import Thresholds

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

RULE = "complete_enough"
_SHOWN = 3
_OF_ALL = " to "
_FETCH = (
    'fetch the time for which no row came again with {"force": true} or complete the file, and where the symbol was not listed yet or '
    "no longer, say listed or delisted in its universe"
)
#: A source or a file that begins later than the time asked for is no gap that a fetch would fill.
_BEGIN = 'where what there is begins later than was asked for, ask from there with {{"start": "{:%Y-%m-%d}"}}, or for fewer days'
_CORRECT = (
    "correct the refused rows, which lie in quarantine/, in their file; of a source that is no file fetch the time again with "
    '{"force": true} once it tells the right ones, for what landed is not asked for anew; or release them in include/config/quality.yaml'
)
_AGAIN = "then run the months again"


def completeness_suite() -> ExpectationSuite:
    """Build the suite over one row a symbol and span of time: ``missing`` and ``missing_allowed`` (bars), ``expected``, ``share``."""
    return suite(
        "completeness",
        [
            rule(
                "ExpectColumnPairValuesAToBeGreaterThanB",
                RULE,
                "{span}: {missing:.0f} of {expected:.0f} bars are not there ({share:.1%}): {gaps}",
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
    places = [(coverage, span, counts) for coverage in coverages for span, counts in _spans(coverage)]
    rows = pd.DataFrame(
        {
            "symbol": [coverage.instrument.symbol for coverage, *_ in places],
            "missing": [counts.missing for *_, counts in places],
            "missing_allowed": [thresholds.missing_allowed(counts.expected) for *_, counts in places],
        }
    )
    found: dict[str, dict[str, str]] = {}
    for position in sorted(run.broken(rows)):
        coverage, span, counts = places[position]
        row: dict[str, Any] = {"span": span, "expected": counts.expected, "missing": counts.missing}
        row |= {"share": counts.missing / counts.expected, "gaps": _gaps(coverage, span, counts)}
        found.setdefault(coverage.instrument.symbol, {})[span] = run.reason([RULE], row)
    of = {coverage.instrument.symbol: coverage for coverage in coverages}
    return {symbol: Cause(RULE, _told(reasons), _remedy(of[symbol])) for symbol, reasons in found.items()}


def _spans(coverage: Coverage) -> Iterator[tuple[str, MonthCount]]:
    """All the time, if it is more than one month, then each month."""
    if len(coverage.months) > 1:
        yield f"{min(coverage.months)}{_OF_ALL}{max(coverage.months)}", coverage.all
    yield from coverage.months.items()


def _gaps(coverage: Coverage, span: str, counts: MonthCount) -> str:
    """What is missing in a span: that for which no row came apart from that of which the rows were refused."""
    parts = []
    month = span if span in coverage.months else None
    if counts.missing > counts.refused:
        parts.append(f"no row came for {counts.missing - counts.refused}, {coverage.words(refused=False, month=month)}")
    if counts.refused:
        parts.append(f"{counts.refused} came and were refused, {coverage.words(refused=True, month=month)}")
    return "; ".join(parts)


def _remedy(coverage: Coverage) -> str:
    counts = coverage.all
    absent, refused = counts.missing > counts.refused, counts.refused > 0
    begins = [_BEGIN.format(coverage.first)] if absent and coverage.before and coverage.first else []
    return "; ".join([*begins, *([_FETCH] if absent else []), *([_CORRECT] if refused else []), _AGAIN])


def _told(reasons: dict[str, str]) -> str:
    """The first reasons by span; where one is of all the time, its gaps tell those of the months too."""
    (span, first), *others = reasons.items()
    if _OF_ALL in span:
        months = "one of its months lacks" if len(others) == 1 else f"{len(others)} of its months lack"
        return first + (f"; {months} too much alone" if others else "")
    more = f"; and {len(reasons) - _SHOWN} more months" if len(reasons) > _SHOWN else ""
    return "; ".join([*reasons.values()][:_SHOWN]) + more
