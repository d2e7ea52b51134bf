"""Plan the fetch, fetch in batches, review what came of it, and at the very end say what is missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException

from include.errors import ConfigurationError, SourceError
from include.rule_words import HARMLESS, WARNING
from include.sources import SourceName, refuse_unserved
from include.universes import Instrument, Universe, load_universe, pick_instruments, tell_assumed
from marketmill.events import chosen
from marketmill.months import target_months
from marketmill.operators.asked import open_asked
from marketmill.operators.base import MillOperator
from marketmill.operators.waiting import WaitingOperator
from marketmill.outcomes import list_reasons
from marketmill.warned import name_warned
from marketmill.window import Window, Wish, choose_window

if TYPE_CHECKING:
    from include.lake import Lake
    from marketmill.fetch import FetchPlan
    from marketmill.hooks.base import BarsHook


_AGAIN = "run the same again: only what is missing is asked for"
_CHANGE = f"change what the reason names, then {_AGAIN}"
_CORRECT_FILE = "correct the file as the reason says, or put it there, then run the same again: a file that changed is read again"
_CORRECT_LINE = "correct what a line says is wrong, then run the same again, and only what is missing is asked for"
_CORRECT_FILES = (
    "correct the file that a line names, or put it there, then run the same again: a file that is new or changed is read; or choose a "
    "universe whose symbols all have a file (with make run: UNIVERSE=)"
)


class PlanFetchOperator(MillOperator):
    """Turn the form into batches of symbols, one mapped fetch task each.

    Returns one :meth:`marketmill.fetch.FetchPlan.as_dict` a batch. A DAG without the params ``start`` and ``end`` fetches the
    months of its data interval.
    """

    def work(self, context: Context) -> list[dict[str, Any]]:
        """Check the form, the source and the lake before anything is asked for."""
        from include.settings import open_lake, settings
        from marketmill.fetch import FetchPlan
        from marketmill.sources import open_source, parse_source

        params = context["params"]
        source = parse_source(chosen(context, "source"))
        hook = open_source(source, csv_folder=params.get("csv_folder"))
        timeframe = params.get("timeframe") or "1d"
        if timeframe not in hook.timeframes:
            raise ConfigurationError(f"source {source} has no {timeframe} bars; it has {', '.join(hook.timeframes)}")
        universe = load_universe(chosen(context, "universe"))
        instruments = pick_instruments(universe, self.symbols(params))
        refuse_unserved(source, instruments)
        window = self._window(context, hook, instruments, timeframe)
        plan = FetchPlan(
            source=source.value,
            universe=universe.name,
            timeframe=timeframe,
            start=window.start.isoformat(),
            end=window.end.isoformat(),
            symbols=[instrument.symbol for instrument in instruments],
            since=datetime.now(UTC).isoformat() if params.get("force") else None,
            csv_folder=params.get("csv_folder"),
        )
        lake = open_lake()
        for note in (*window.notes, tell_assumed(plan.symbols), hook.tell_unused([*universe.instruments, *instruments])):
            if note:
                self.log.info("%s", note)
        self.log.info(
            "%s, %s bars from %s, %s up to (not including) %s, into the lake %s",
            _counted(universe, plan.symbols), timeframe, source, f"{window.start:%Y-%m-%d}", f"{window.end:%Y-%m-%d}", lake.url,
        )  # fmt: skip
        self._confirm_reachable(context, lake, plan)
        return [batch.as_dict() for batch in plan.batches(settings().batch_size)]

    @staticmethod
    def _confirm_reachable(context: Context, lake: Lake, plan: FetchPlan) -> None:
        """Fail at once, and not symbol by symbol, where nobody can be reached and somebody is needed."""
        from marketmill.asking import confirm_reachable
        from marketmill.corporate_actions import shares
        from marketmill.fetch import is_anything_missing
        from marketmill.hooks.actions import ActionsHook
        from marketmill.hooks.base import RemoteHook

        hook = open_asked(context, SourceName(plan.source), csv_folder=plan.csv_folder)
        if not isinstance(hook, RemoteHook):
            return
        asks_for_actions = isinstance(hook, ActionsHook) and shares(plan.instruments)
        if asks_for_actions or is_anything_missing(lake, hook, plan):
            with closing(hook):
                confirm_reachable(hook)

    def symbols(self, params: Mapping[str, Any]) -> list[str] | None:
        """Symbols that the form names; None: all of the universe."""
        return params.get("symbols")

    def wish(self, params: Mapping[str, Any]) -> Wish | None:
        """Time that the form names; None: the months of the data interval."""
        if "years" not in params:
            return None
        return Wish(params.get("start"), params.get("end"), int(params["years"]), params.get("days"))

    def _window(self, context: Context, hook: BarsHook, instruments: Sequence[Instrument], timeframe: str) -> Window:
        now = datetime.now(UTC)
        if wish := self.wish(context["params"]):
            last_day = None if wish.end else hook.last_day(instruments, timeframe)
            return choose_window(wish, last_day, now)
        from include.months import last_complete_month, month_end, month_start

        months = target_months(context)
        if months[-1] > last_complete_month(now):
            raise ConfigurationError(f"the month {months[-1]} has not ended; run it from {month_end(months[-1]):%Y-%m-%d} on")
        return Window(month_start(months[0]), month_end(months[-1]))


class FetchBarsOperator(WaitingOperator):
    """Fetch the missing bars of one batch; mapped over the plan.

    While the source wants to be left alone the task holds no worker slot. A failure that may pass is retried as long as the task
    has tries left, and only what is missing is asked for again. Returns one :class:`marketmill.fetch.Fetched` (as dict) a symbol.
    """

    template_fields: Sequence[str] = ("batch",)

    def __init__(self, *, batch: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch = batch

    def work(self, context: Context) -> list[dict[str, Any]]:
        """Fetch and land."""
        from include.settings import open_lake
        from marketmill.fetch import FetchPlan, fetch_batch

        plan = FetchPlan.from_dict(self.batch)
        instance = context["ti"]
        hook = open_asked(context, SourceName(plan.source), csv_folder=plan.csv_folder)
        results = fetch_batch(open_lake(), hook, plan)
        if until := next((result.until for result in results if result.until), None):
            self.wait_until(datetime.fromisoformat(until))
        waiting = [result for result in results if result.may_pass]
        if waiting and instance.try_number <= instance.max_tries:
            raise AirflowException(f"to be tried again: {list_reasons({result.symbol: result.reason for result in waiting})}")
        return [asdict(result) for result in results]


class ReviewFetchOperator(MillOperator):
    """Gather what all batches brought.

    Returns ``{"plan": ..., "failed": ..., "left_out": ...}``: the plan of the symbols of which at least a month has landed whole, the
    failures by symbol, and, of those that are in both, the months that did not land whole. Fails where there is no such month. The
    months that did not land are held back, each with what to do: ask again, or change what asking again does not cure.
    """

    template_fields: Sequence[str] = ("batches", "fetched")

    def __init__(self, *, batches: Any, fetched: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batches = batches
        self.fetched = fetched

    def work(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Tell what landed whole from what did not."""
        from include.months import months_between
        from marketmill.fetch import Fetched, FetchPlan, short_list

        # A slice reads all mapped results at once; iterating would ask for one more than there is, and log that as an error.
        results = [Fetched(**result) for batch in self.fetched[:] for result in batch]
        failed = {result.symbol: f"{result.missing} is missing: {result.reason}" for result in results if result.failed}
        months = {*months_between(*FetchPlan.from_dict(self.batches[0]).interval)}
        landed = [result for result in results if not result.failed or months - {*result.months}]
        left_out = {result.symbol: list(result.months) for result in landed if result.failed}
        # Where nobody was reached, nothing is known about any symbol.
        if landed or any(result.state != "unreachable" for result in results):
            self._record(failed, {result.symbol for result in results if result.failed and not result.may_pass})
        if not landed:
            reasons = {result.reason for result in results}
            same = f" {short_list(list(failed))}: {results[0].reason}"
            raise SourceError(f"no month of any symbol could be fetched whole:{same if len(reasons) == 1 else _lines(failed)}")
        symbols = [result.symbol for result in landed]
        whole, nothing = len(results) - len(failed), len(failed) - len(left_out)
        self.log.info(
            "%d symbols fetched (what their answers lack the check says), %d but for some months, %d without a whole month",
            whole, len(left_out), nothing,
        )  # fmt: skip
        plan = self.batches[0] | {"symbols": symbols, "title": f"{len(symbols)} symbols"}
        return {"plan": plan, "failed": failed, "left_out": left_out}

    def _record(self, failed: dict[str, str], lasting: Collection[str]) -> None:
        """Hold back the months of which nothing landed, so that the reports tell of them; asking again does not cure ``lasting``."""
        from include.holds import NOT_FETCHED, Cause, record_check
        from include.settings import open_lake
        from marketmill.fetch import FetchPlan, missing_months

        lake, plan = open_lake(), FetchPlan.from_dict(self.batches[0])
        for symbol, reason in failed.items():
            if months := missing_months(lake, plan, symbol):
                remedy = (_CORRECT_FILE if plan.source == SourceName.CSV else _CHANGE) if symbol in lasting else _AGAIN
                cause = Cause(NOT_FETCHED, f"could not be fetched: {reason}", remedy)
                record_check(lake, plan.source, plan.timeframe, symbol, months, cause)


class ConfirmCompleteOperator(MillOperator):
    """Last step of a run: fail it with the list of what is missing and why, a line a symbol, after the others were published."""

    template_fields: Sequence[str] = ("reviewed", "checked")

    def __init__(self, *, reviewed: Any, checked: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reviewed = reviewed
        self.checked = checked

    def work(self, context: Context) -> None:  # noqa: ARG002
        """Raise where something is missing."""
        failed, held = self.reviewed["failed"], self.checked["held"]
        symbols = len({*failed, *self.reviewed["plan"]["symbols"]})
        whole = self._tell_gaps(symbols)
        self._tell_warnings(whole)
        missing = []
        if failed:
            cure = _CORRECT_FILES if self.reviewed["plan"]["source"] == SourceName.CSV else _CORRECT_LINE
            missing.append(
                f"{len(failed)} of {symbols} symbols could not be fetched whole, published is what landed whole; {cure}:{_lines(failed)}"
            )
        if held:
            missing.append(f"{len(held)} of {symbols} symbols are held back, of the others what landed is published:{_lines(held)}")
        if missing:
            raise SourceError("\n".join(missing))

    def _tell_gaps(self, symbols: int) -> set[str]:
        """Say of each symbol that was published what the source does not have; return those that lack nothing."""
        counts, coverage = self.checked["symbols"], self.checked["coverage"]
        empty = [symbol for symbol, count in counts.items() if not count["fetched"]]
        known = {*empty, *self.reviewed["left_out"]}
        partly = {symbol: told["ends"] for symbol, told in coverage.items() if told["ends"] and symbol not in known}
        gaps = {symbol: told for symbol, told in coverage.items() if told["missing"] and symbol not in self.checked["held"]}
        for symbol in empty:
            self.log.warning("%s: the source has no bars at all in this time", symbol)
        for symbol, words in partly.items():
            self.log.warning("%s: bars for a part of the time only, they end on %s", symbol, words)
        for symbol, told in gaps.items():
            if told["gaps"]:
                self.log.warning("%s: the source has no bars of %s", symbol, told["gaps"])
            if told["refused"]:
                self.log.warning("%s: %d bars came and were refused, see quarantine: %s", symbol, told["refused"], told["refused_gaps"])
        held, failed = self.checked["held"], self.reviewed["failed"]
        whole, gappy = {*counts} - {*known, *partly, *gaps, *held, *failed}, ({*partly, *gaps} - {*failed, *held})
        self.log.info(
            "of %d symbols %d lack nothing, %d are published with the gaps named above, %d have no bars, %d are held back, "
            "%d were not fetched whole%s",
            symbols, len(whole), len(gappy), len({*empty} - {*held, *failed}), len(held), len(failed),
            f" ({len({*held} & {*failed})} of them held back too)" if {*held} & {*failed} else "",
        )  # fmt: skip
        return whole

    def _tell_warnings(self, whole: Collection[str]) -> None:
        """Name the symbols whose bars are odd: that they lack nothing does not make them right."""
        doubtful = {rule: symbols for rule, symbols in self.checked["warned"].items() if rule not in HARMLESS}
        for rule, symbols in doubtful.items():
            self.log.warning("%s (%s): %s", rule, WARNING[rule].rstrip("."), name_warned(symbols))
        if symbols := {symbol for warned in doubtful.values() for symbol in warned}:
            self.log.warning(
                "%d symbols have odd bars, %d of them among those that lack nothing: look at them before you use them, on the quality page "
                "or in the Data Docs (docs/quality.md says what to do)",
                len(symbols), len(symbols & {*whole}),
            )  # fmt: skip


def _counted(universe: Universe, symbols: Collection[str]) -> str:
    inside = len({*symbols} & {instrument.symbol for instrument in universe.instruments})
    if inside == len(symbols):
        return f"{len(symbols)} symbols of universe {universe.name}"
    return f"{len(symbols)} symbols, {inside or 'none'} of them of universe {universe.name}"


def _lines(words: Mapping[str, str]) -> str:
    return "".join(f"\n  {symbol}: {said}" for symbol, said in words.items())
