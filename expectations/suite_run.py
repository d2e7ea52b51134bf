"""Run a suite over frame after frame: which rows each rule finds, and one result over all frames for the Data Docs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from expectations.rules import columns, reasons, rule_names
from include.errors import LakeError

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations import ExpectationSuite
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult

_POSITION = "position"
_COUNTS = ("element_count", "unexpected_count", "missing_count")


class SuiteRun:
    """One run of a suite, on as many frames as there are; memory does not grow with the rows.

    Attributes
    ----------
    suite
        The suite.
    rules
        Names of its rules, in order.
    """

    def __init__(self, suite: ExpectationSuite) -> None:
        self.suite = suite
        self.rules = rule_names(suite)
        self._reasons = reasons(suite)
        self._columns = columns(suite)
        self._totals: dict[str, dict[str, int]] = {}
        self._configurations: dict[str, Any] = {}

    def broken(self, frame: pd.DataFrame, counted: np.ndarray | None = None) -> dict[int, list[str]]:
        """Check the rows of a frame.

        Parameters
        ----------
        frame
            The columns that the suite is over.
        counted
            Which rows count in :meth:`result` and are told of; None: all. The others are there to be compared with.

        Returns
        -------
        dict
            Position of each row that breaks a rule -> the rules it breaks, in the suite's order.

        Raises
        ------
        LakeError
            If a rule could not be evaluated: no row counts as passed by a rule that did not run.
        """
        # The library copies and hashes whole frames, so it gets no column more than the rules are over.
        seen = frame[self._columns].reset_index(drop=True).assign(**{_POSITION: range(len(frame))})
        batch = _batches().get_batch(batch_parameters={"dataframe": seen})
        result = batch.validate(
            self.suite,
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [_POSITION]},
        )
        by_rule = {_evaluated(outcome): outcome for outcome in result.results}
        if missing := [rule for rule in self.rules if rule not in by_rule]:
            raise LakeError(f"the rules {', '.join(missing)} gave no result; nothing was published")
        counted = np.ones(len(frame), bool) if counted is None else counted
        found: dict[int, list[str]] = {}
        for rule in self.rules:
            positions = _positions(rule, by_rule[rule])
            for position in positions:
                found.setdefault(position, []).append(rule)
            self._add(rule, by_rule[rule], frame, counted, int(counted[positions].sum()))
        return found

    def reason(self, rules: list[str], row: dict[str, Any]) -> str:
        """Say in words, with its numbers, what is wrong with a row that breaks ``rules``."""
        values = {name: float("nan") if value is None else value for name, value in row.items()}
        return "; ".join(self._reasons[rule].format_map(values) for rule in rules)

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

    def _add(self, rule: str, outcome: ExpectationValidationResult, frame: pd.DataFrame, counted: np.ndarray, unexpected: int) -> None:
        configuration = outcome.expectation_config
        column = configuration.kwargs.get("column") if configuration else None
        about_missing = str(getattr(configuration, "type", "")).endswith("_be_null")
        absent = int(frame[column].isna().to_numpy()[counted].sum()) if column and not about_missing else 0
        self._configurations[rule] = configuration
        total = self._totals.setdefault(rule, dict.fromkeys(_COUNTS, 0))
        for name, number in zip(_COUNTS, (int(counted.sum()), unexpected, absent), strict=True):
            total[name] += number


@lru_cache(maxsize=1)
def _batches() -> Any:
    """One context of this process, in memory; it writes nothing and tells nobody."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    return context.data_sources.add_pandas("marketmill").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("rows")


def _evaluated(outcome: ExpectationValidationResult) -> str:
    """Name the rule, when it ran; its exception information is flat, or one entry for each failed metric."""
    configuration = outcome.expectation_config
    rule = str((configuration.meta or {}).get("rule") if configuration else None)
    information = outcome.exception_info or {}
    entries = [information] if "raised_exception" in information else list(information.values())
    for entry in entries:
        if entry["raised_exception"]:
            raise LakeError(f"the rule {rule} could not be evaluated ({entry['exception_message']}); nothing was published")
    return rule


def _positions(rule: str, outcome: ExpectationValidationResult) -> list[int]:
    positions = [int(entry[_POSITION]) for entry in outcome.result.get("unexpected_index_list") or []]
    if len(positions) != outcome.result.get("unexpected_count") or bool(positions) == bool(outcome.success):
        raise LakeError(f"the rule {rule} did not say which rows it finds; nothing was published")
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
