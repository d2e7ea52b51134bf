"""Keep the splits and dividends of the symbols up to date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException

from include.errors import SourceError
from include.sources import SourceName
from marketmill.operators.asked import open_asked
from marketmill.operators.waiting import WaitingOperator
from marketmill.outcomes import MAY_PASS, list_reasons


class FetchActionsOperator(WaitingOperator):
    """Fetch the splits and dividends of the complete symbols, before their bars are checked and published.

    Bars that landed before an unknown split would stay on its old price scale, so a symbol whose actions could not be had joins the
    failed ones: its bars have landed, and are published by the run that gets its actions. Returns the review with that said
    (:class:`marketmill.operators.fetch.ReviewFetchOperator`), unchanged where the source tells of no actions. Fails where no symbol
    is left.
    """

    template_fields: Sequence[str] = ("reviewed",)

    def __init__(self, *, reviewed: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reviewed = reviewed

    def work(self, context: Context) -> dict[str, Any]:
        """Ask and store."""
        from include.settings import open_lake
        from marketmill.corporate_actions import fetch_actions
        from marketmill.fetch import FetchPlan
        from marketmill.hooks.actions import ActionsHook

        plan = FetchPlan.from_dict(self.reviewed["plan"])
        hook = open_asked(context, SourceName(plan.source), csv_folder=plan.csv_folder)
        if not isinstance(hook, ActionsHook):
            self.log.info("source %s tells of no splits and dividends", plan.source)
            return dict(self.reviewed)
        missing = [instrument for instrument in plan.instruments if instrument.symbol not in self.done]
        results = fetch_actions(open_lake(), hook, missing, plan.interval[0])
        if until := next((result.until for result in results if result.until), None):
            done = [*self.done, *(result.symbol for result in results if result.state == "complete")]
            self.wait_until(datetime.fromisoformat(until), done)
        failed = {result.symbol: result.reason for result in results if result.state != "complete"}
        if any(result.state in MAY_PASS for result in results) and context["ti"].try_number <= context["ti"].max_tries:
            raise AirflowException(f"to be tried again: {list_reasons(failed)}")
        return self._without(plan.symbols, failed) if failed else dict(self.reviewed)

    def _without(self, symbols: list[str], failed: dict[str, str]) -> dict[str, Any]:
        before = self.reviewed["failed"]
        held_up = {
            symbol: f"{before[symbol]}; nor could its splits and dividends be fetched, so that nothing of it is published: {reason}"
            if symbol in before
            else f"its bars have landed, but not its splits and dividends: {reason}"
            for symbol, reason in failed.items()
        }
        left = [symbol for symbol in symbols if symbol not in failed]
        if not left:
            why = f"nothing is published: {list_reasons(before | held_up)}" if before else f"their bars have landed: {list_reasons(failed)}"
            raise SourceError(f"the splits and dividends of no symbol could be fetched, {why}")
        plan = self.reviewed["plan"] | {"symbols": left, "title": f"{len(left)} symbols"}
        return {**self.reviewed, "plan": plan, "failed": before | held_up}
