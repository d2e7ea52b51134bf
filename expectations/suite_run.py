"""Run the suite over frame after frame: which rows each rule refuses, and one result over all frames for the Data Docs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from expectations.bars import REPEATS, ROUNDING, bar_suite, reasons, rule_names
from include.errors import LakeError

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult

_POSITION = "position"
_PRICES = ["open", "high", "low", "close", "volume", "adjusted_close"]
_COUNTS = ("element_count", "unexpected_count", "missing_count")


class SuiteRun:
    """One run of the bar suite, on as many frames as there are; memory does not grow with the rows.

    Attributes
    ----------
    suite
        The suite.
    rules
        Names of its rules, in order.
    """

    def __init__(self) -> None:
        import great_expectations as gx
        from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig

        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        )
        context = gx.get_context(mode="ephemeral", project_config=config)
        self.suite = bar_suite()
        self.rules = rule_names(self.suite)
        self._reasons = reasons(self.suite)
        self._batches = (
            context.data_sources.add_pandas("marketmill").add_dataframe_asset("bars").add_batch_definition_whole_dataframe("rows")
        )
        self._totals: dict[str, dict[str, int]] = {}
        self._configurations: dict[str, Any] = {}

    def refused(self, rows: pd.DataFrame) -> dict[int, list[str]]:
        """Check rows of whole times.

        Parameters
        ----------
        rows
            Columns symbol, timestamp and prices, in the order of landing; all rows of one symbol and time stand in one frame.

        Returns
        -------
        dict
            Position of each refused row -> the rules it breaks, in the suite's order.

        Raises
        ------
        LakeError
            If a rule could not be evaluated: no row counts as passed by a rule that did not run.
        """
        batch = self._batches.get_batch(batch_parameters={"dataframe": _as_checked(rows)})
        result = batch.validate(
            self.suite,
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [_POSITION]},
        )
        by_rule = {_evaluated(outcome): outcome for outcome in result.results}
        if missing := [rule for rule in self.rules if rule not in by_rule]:
            raise LakeError(f"the bar rules {', '.join(missing)} gave no result; nothing was published")
        refused: dict[int, list[str]] = {}
        for rule in self.rules:
            self._add(rule, by_rule[rule])
            for position in _positions(rule, by_rule[rule]):
                refused.setdefault(position, []).append(rule)
        return refused

    def reason(self, rules: list[str], row: dict[str, Any]) -> str:
        """Say in words, with its numbers, why a row that breaks ``rules`` was refused."""
        return "; ".join(self._reasons[rule].format_map(row) for rule in rules)

    def result(self) -> ExpectationSuiteValidationResult:
        """Add up one result over all frames, with the counts of each rule."""
        from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult

        results = [
            ExpectationValidationResult(
                success=not total["unexpected_count"],
                expectation_config=self._configurations[rule],
                result=total | _shares(total),
                exception_info={"raised_exception": False, "exception_traceback": None, "exception_message": None},
            )
            for rule, total in self._totals.items()
        ]
        passed = sum(bool(result.success) for result in results)
        statistics = {
            "evaluated_expectations": len(results),
            "successful_expectations": passed,
            "unsuccessful_expectations": len(results) - passed,
            "success_percent": 100 * passed / len(results) if results else None,
        }
        return ExpectationSuiteValidationResult(
            success=passed == len(results), results=results, suite_name=self.suite.name, statistics=statistics, meta={}
        )

    def _add(self, rule: str, outcome: ExpectationValidationResult) -> None:
        self._configurations[rule] = outcome.expectation_config
        total = self._totals.setdefault(rule, dict.fromkeys(_COUNTS, 0))
        for name in _COUNTS:
            total[name] += outcome.result.get(name) or 0


def _as_checked(rows: pd.DataFrame) -> pd.DataFrame:
    """Make the frame that the suite sees: rounding differences levelled, equal rows counted, positions named."""
    checked = rows[["symbol", "timestamp", *_PRICES]].reset_index(drop=True)
    for price, bound in (("high", "low"), ("open", "low"), ("open", "high"), ("close", "low"), ("close", "high")):
        level = np.isclose(checked[price], checked[bound], rtol=ROUNDING, atol=0)
        checked[price] = checked[price].where(~level, checked[bound])
    checked[REPEATS] = 0
    several = checked.duplicated(["symbol", "timestamp"], keep=False)
    if several.any():
        same = rows.reset_index(drop=True).loc[several, ["symbol", "timestamp", *_PRICES]]
        checked.loc[several, REPEATS] = same.groupby(list(same.columns), dropna=False, sort=False).cumcount()
    checked[_POSITION] = range(len(checked))
    return checked


def _evaluated(outcome: ExpectationValidationResult) -> str:
    """Name the rule, when it ran; its exception information is flat, or one entry for each failed metric."""
    configuration = outcome.expectation_config
    rule = str((configuration.meta or {}).get("rule") if configuration else None)
    information = outcome.exception_info or {}
    entries = [information] if "raised_exception" in information else list(information.values())
    for entry in entries:
        if entry["raised_exception"]:
            raise LakeError(f"the bar rule {rule} could not be evaluated ({entry['exception_message']}); nothing was published")
    return rule


def _positions(rule: str, outcome: ExpectationValidationResult) -> list[int]:
    positions = [entry[_POSITION] for entry in outcome.result.get("unexpected_index_list") or []]
    if len(positions) != outcome.result.get("unexpected_count") or bool(positions) == bool(outcome.success):
        raise LakeError(f"the bar rule {rule} did not say which rows it refuses; nothing was published")
    return positions


def _shares(total: dict[str, int]) -> dict[str, float | None]:
    rows, present = total["element_count"], total["element_count"] - total["missing_count"]
    of_present = 100 * total["unexpected_count"] / present if present else None
    return {
        "unexpected_percent": of_present,
        "unexpected_percent_nonmissing": of_present,
        "unexpected_percent_total": 100 * total["unexpected_count"] / rows if rows else None,
        "missing_percent": 100 * total["missing_count"] / rows if rows else None,
    }
