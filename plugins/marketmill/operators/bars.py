"""Check what landed, and publish what passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from include.assets import BARS
from marketmill.events import chosen
from marketmill.links import DataDocsLink
from marketmill.notifications import Topic, notify
from marketmill.operators.base import MillOperator, run_name
from marketmill.warned import name_warned

if TYPE_CHECKING:
    from expectations.request import CheckSummary


class CheckBarsOperator(MillOperator):
    """Run the bar suites over the months that landed whole: refused rows go to quarantine, symbols that cannot be trusted are held back.

    Returns the check's summary (:meth:`expectations.request.CheckSummary.as_dict`).
    """

    template_fields: Sequence[str] = ("reviewed",)
    operator_extra_links = (DataDocsLink(),)

    def __init__(self, *, reviewed: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reviewed = reviewed

    def work(self, context: Context) -> dict[str, Any]:
        """Check and stage."""
        from expectations.check import CheckRequest, check_bars
        from include.rule_words import HARMLESS
        from include.settings import open_lake
        from marketmill.fetch import FetchPlan

        plan = FetchPlan.from_dict(self.reviewed["plan"])
        start, end = plan.interval
        left_out, not_fetched = self.reviewed["left_out"], self.reviewed["failed"]
        request = CheckRequest(plan.source, plan.timeframe, tuple(plan.instruments), start, end, plan.universe, left_out, not_fetched)
        lake = open_lake()
        summary = check_bars(lake, request, run=run_name(context))
        for symbol, count in summary.symbols.items():
            self.log.info("%s: %d rows, %d kept, %d refused", symbol, count.fetched, count.kept, count.quarantined)
        for rule, rows in summary.rules.items():
            if rows:
                self.log.info("rule %s refused %d rows, counted by the first rule that each breaks", rule, rows)
        for rule, rows in summary.flags.items():
            if rows:
                say = self.log.info if rule in HARMLESS else self.log.warning
                say("%d kept rows carry the warning %s: %s", rows, rule, name_warned(summary.as_dict()["warned"][rule]))
        self._tell_coverage(summary)
        self._tell_quarantine(summary, f"{lake.url}/{summary.docs}")
        for symbol, reason in summary.held.items():
            self.log.warning("%s is held back, no bar of it is published by this run: %s", symbol, reason)
        if not summary.months:
            self.log.info(
                "source %s holds no bars of these symbols from %s up to (not including) %s: nothing to publish",
                plan.source,
                start.date(),
                end.date(),
            )
        self.log.info("data docs: %s/%s", lake.url, summary.docs)
        return summary.as_dict()

    def _tell_quarantine(self, summary: CheckSummary, where: str) -> None:
        from include.settings import settings

        total = summary.total()
        if total.quarantined > settings().notify_quarantine_share * total.fetched:
            rules = ", ".join(f"{rule} {rows}" for rule, rows in summary.rules.items() if rows)
            title = f"{total.quarantined} of {total.fetched} rows were refused"
            notify(Topic.QUARANTINE, title, f"{rules}\n{where}")

    def _tell_coverage(self, summary: CheckSummary) -> None:
        for symbol, covered in summary.coverage.items():
            if covered.gaps:
                absent = covered.missing - covered.refused
                self.log.info("%s: no row came for %d of %d bars: %s", symbol, absent, covered.expected, covered.gaps)
            if covered.refused:
                self.log.info(
                    "%s: %d of %d bars came and were refused: %s", symbol, covered.refused, covered.expected, covered.refused_gaps
                )
            if covered.begins:  # what should be there is among the gaps: a history may begin when it does
                self.log.info("%s: its bars begin on %s", symbol, covered.begins)
            if covered.ends:
                self.log.warning("%s: its bars end on %s", symbol, covered.ends)


class PublishBarsOperator(MillOperator):
    """Publish the staged months; skipped, without an event, where that changed nothing.

    The event's ``extra``: ``universe``, ``source``, ``timeframe``, ``months`` (those that changed), ``rows`` (their bars in all) and
    ``content`` (hash by month).
    """

    template_fields: Sequence[str] = ("checked",)

    def __init__(self, *, checked: Any, **kwargs: Any) -> None:
        super().__init__(outlets=[BARS], **kwargs)
        self.checked = checked

    def work(self, context: Context) -> dict[str, Any]:
        """Publish each month in one step."""
        from expectations.checked import publish_checked
        from include.settings import open_lake

        published = publish_checked(open_lake(), self.checked["plan"])
        changed = {month: result for month, result in published.items() if result.changed}
        if not changed:
            self.skip(f"the lake holds exactly these bars already ({len(published)} months); nothing changed")
        extra = {
            "universe": chosen(context, "universe"),
            "source": self.checked["source"],
            "timeframe": self.checked["timeframe"],
            "months": list(changed),
            "rows": sum(result.rows for result in changed.values()),
            "content": {month: result.content for month, result in changed.items()},
            "counts": self.checked["total"],
            "held": list(self.checked["held"]),
            "docs": self.checked["docs"],
        }
        context["outlet_events"][BARS].extra = extra
        self.log.info("published %d months, %s to %s: %d rows", len(changed), min(changed), max(changed), extra["rows"])
        return extra
