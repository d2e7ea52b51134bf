"""How much of what its exchange's calendar promises a symbol has; a symbol that lacks too much is held back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from expectations.coverage import Coverage
from expectations.rules import Action, rule, suite
from expectations.suite_run import SuiteRun
from include.quality import Thresholds

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite


def completeness_suite() -> ExpectationSuite:
    """Build the suite over one row a symbol: ``missing`` and ``missing_allowed`` (bars), ``expected``, ``share``."""
    return suite(
        "completeness",
        [
            rule(
                "ExpectColumnPairValuesAToBeGreaterThanB",
                "complete_enough",
                "{missing:.0f} of {expected:.0f} bars are missing ({share:.1%}): {gaps}",
                Action.HOLD_SYMBOL,
                column_A="missing_allowed",
                column_B="missing",
                or_equal=True,
                ignore_row_if="either_value_is_missing",
            )
        ],
    )


def held_symbols(run: SuiteRun, coverages: Sequence[Coverage], thresholds: Thresholds) -> dict[str, str]:
    """Say of each symbol that lacks too much why it is held back."""
    rows = [
        {
            "symbol": coverage.instrument.symbol,
            "expected": coverage.expected,
            "missing": coverage.missing,
            "missing_allowed": thresholds.missing_allowed(coverage.expected),
            "share": coverage.share,
            "gaps": coverage.words(),
        }
        for coverage in coverages
    ]
    broken = run.broken(pd.DataFrame(rows))
    return {str(rows[position]["symbol"]): run.reason(rules, rows[position]) for position, rules in sorted(broken.items())}
