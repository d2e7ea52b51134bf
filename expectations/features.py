"""What the features of a month must be before a model believes them.

One row is one symbol in one month. A feature set that breaks a rule here is wrong as a whole, so nearly all of them fail the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from expectations.rules import Action, rule, suite

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation


def feature_suite() -> ExpectationSuite:
    """Build the suite over the columns of :func:`expectations.feature_facts.measure`."""
    return suite(
        "features",
        [
            _none("row_for_each_bar", "{lost:.0f} bars have no features and {strange:.0f} rows of features have no bar", "unmatched"),
            _none("known_with_its_bar", "{early:.0f} rows say another moment than their bar's for when they were known", "early"),
            _none("features_finite", "{infinite:.0f} values are infinite, in {infinite_in}", "infinite"),
            _none(
                "null_in_warm_up",
                "{premature:.0f} values stand where a feature has not seen enough bars yet, in {premature_in}",
                "premature",
            ),
            _none(
                "null_without_volume",
                "{invented:.0f} values of features of volume stand where none is traded, in {invented_in}",
                "invented",
            ),
            _none(
                "features_causal",
                "{differing:.0f} values are others when the bars after {known_at:%Y-%m-%d %H:%M} UTC are not there, in {differing_in}: "
                "they saw the future",
                "differing",
            ),
            _none("features_present", "{empty:.0f} features lack values after their warm-up: {empty_in}", "empty", Action.WARN),
        ],
    )


def _none(name: str, reason: str, column: str, action: Action = Action.FAIL_RUN) -> Expectation:
    return rule("ExpectColumnValuesToBeInSet", name, reason, action, column=column, value_set=[0])
