"""Keep the splits and dividends of the symbols up to date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException

from include.errors import SourceError
from include.sources import SourceName
from marketmill.operators.waiting import WaitingOperator


class FetchActionsOperator(WaitingOperator):
    """Fetch the splits and dividends of the complete symbols; skipped where the source tells of none.

    Without them bars that landed before a split would stay on its old price scale: the task fails, and with it the features that
    wait for it, when a symbol's could not be had. Returns how many were new by symbol.
    """

    template_fields: Sequence[str] = ("reviewed",)

    def __init__(self, *, reviewed: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reviewed = reviewed

    def work(self, context: Context) -> dict[str, int]:
        """Ask and store."""
        from include.settings import open_lake
        from marketmill.corporate_actions import fetch_actions
        from marketmill.fetch import FetchPlan
        from marketmill.hooks.actions import ActionsHook
        from marketmill.sources import open_source

        plan = FetchPlan.from_dict(self.reviewed["plan"])
        hook = open_source(SourceName(plan.source), csv_folder=plan.csv_folder)
        if not isinstance(hook, ActionsHook):
            self.skip(f"source {plan.source} tells of no splits and dividends")
        missing = [instrument for instrument in plan.instruments if instrument.symbol not in self.done]
        results = fetch_actions(open_lake(), hook, missing, plan.interval[0])
        if until := next((result.until for result in results if result.until), None):
            done = [*self.done, *(result.symbol for result in results if result.state == "complete")]
            self.wait_until(datetime.fromisoformat(until), done)
        failed = "; ".join(f"{result.symbol}: {result.reason}" for result in results if result.state != "complete")
        if any(result.state == "transient" for result in results) and context["ti"].try_number <= context["ti"].max_tries:
            raise AirflowException(f"to be tried again: {failed}")
        if failed:
            raise SourceError(f"splits and dividends could not be fetched: {failed}")
        return {result.symbol: result.new for result in results}
