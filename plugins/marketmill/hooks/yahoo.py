"""Source ``yahoo``: bars, splits, dividends and option chains of Yahoo Finance, without an account."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise

from include.actions import ActionKind
from include.errors import MarketmillError
from include.landing import Interval
from include.months import as_utc
from include.sources import SourceName
from include.universes import Instrument
from marketmill.hooks.actions import Actions, ActionsHook, ActionsOutcome
from marketmill.hooks.base import BarsHook
from marketmill.hooks.option_chains import Chain, ChainOutcome, Expiries, ExpiriesOutcome, OptionChainsHook
from marketmill.hooks.yahoo_bars import Answer, is_share, judge, within, without_rows
from marketmill.hooks.yahoo_chart import GarbledError, parse_chart
from marketmill.hooks.yahoo_client import UnknownSymbolError, YahooClient, YahooError
from marketmill.hooks.yahoo_options import parse_chain, parse_expiries
from marketmill.hooks.yahoo_sessions import finished_until
from marketmill.outcomes import ConfirmedEmpty, Data, Outcome, Permanent, Transient, Unreachable
from marketmill.quota.ledger import open_ledger
from marketmill.quota.spending import Quota

#: How far back Yahoo keeps bars; daily ones for ever.
_REACH = {"1m": timedelta(days=30), "5m": timedelta(days=60), "15m": timedelta(days=60), "1h": timedelta(days=730)}
_DAY = timedelta(days=1)
#: Of minutes one answer holds at most 8 days.
_MINUTES = timedelta(days=7)
_SHARE_CLASS = re.compile(r"([A-Z]+)\.([A-C])")
_SHOWN = 10


class YahooHook(BarsHook, ActionsHook, OptionChainsHook):
    """Yahoo Finance through yfinance; behind a proxy set ``HTTPS_PROXY``.

    Prices are adjusted for splits up to the last trade that Yahoo knows of; a daily bar's adjusted close for dividends too.

    Parameters
    ----------
    quota
        Whose requests these are; by default those of the ledger of the settings.
    timeout
        Longest wait for an answer, in seconds.
    now
        The time (UTC), on which it hangs what is finished and what may only be late.
    """

    source = SourceName.YAHOO

    def __init__(self, *, quota: Quota | None = None, timeout: float = 30.0, now: Callable[[], datetime] | None = None) -> None:
        super().__init__()
        self._given_quota = quota
        self._timeout = timeout
        self._now = now or (lambda: datetime.now(UTC))

    def chunks(self, timeframe: str, start: datetime, end: datetime) -> Sequence[Interval]:
        """Weeks of minutes, which is what one answer holds; all else in one piece."""
        if timeframe != "1m":
            return [(start, end)]
        borders = [start + number * _MINUTES for number in range(-(-(end - start) // _MINUTES))]
        return list(pairwise([*borders, end]))

    def fetch(self, instrument: Instrument, timeframe: str, start: datetime, end: datetime) -> Outcome:
        """Ask for the bars of one symbol; for the time before its present name began to trade also for its earlier names."""
        now, symbol = self._now(), instrument.symbol
        reach = _REACH.get(timeframe)
        if reach and start < now - reach:
            return Permanent(
                f"Yahoo keeps {timeframe} bars for {reach.days} days: {symbol} can be had from {(now - reach + _DAY).date()} on, "
                f"not from {start.date()}; set start or days, or take another source"
            )
        finished = min(end, finished_until(instrument.calendar, timeframe, now))
        if finished <= start:
            return Transient(f"the first bar of {symbol} from {start:%Y-%m-%d %H:%M} UTC on is not finished yet")
        try:
            answers = self._ask_names(instrument, timeframe, start, finished)
        except YahooError as error:
            return error.outcome
        judgement = judge(instrument, timeframe, (start, finished), answers, now)
        if judgement.gaps:
            days = ", ".join(str(day) for day in judgement.gaps[:_SHOWN])
            more = f" and {len(judgement.gaps) - _SHOWN} more" if len(judgement.gaps) > _SHOWN else ""
            self.log.warning("%s: Yahoo has no close for %d sessions: %s%s", symbol, len(judgement.gaps), days, more)
        if isinstance(judgement.outcome, ConfirmedEmpty) and finished < end:
            return Transient(f"bars of {symbol} from {finished:%Y-%m-%d %H:%M} UTC on are not finished yet, and before there are none")
        if isinstance(judgement.outcome, Data) and finished < end:
            return replace(judgement.outcome, covers_until=judgement.outcome.covers_until or finished)
        return judgement.outcome

    def fetch_actions(self, instrument: Instrument, start: datetime) -> ActionsOutcome:
        """Ask for splits and dividends; they come with the daily chart."""
        now = self._now()
        end = max(now, start + _DAY)
        try:
            answers = self._ask_names(instrument, "1d", start, end)
        except YahooError as error:
            return error.outcome
        if not any(answer.rows.num_rows for answer in answers):
            empty = without_rows(instrument, (start, end), answers)
            if isinstance(empty, Transient):
                return empty
        found = {action for answer in answers for action in answer.chart.actions if as_utc(action.date) >= start}
        return Actions(tuple(sorted(found)), now)

    def list_expiries(self, instrument: Instrument) -> ExpiriesOutcome:
        """Ask for the listed expiries."""
        try:
            listed = parse_expiries(self._client.options(yahoo_symbol(instrument.symbol)))
        except YahooError as error:
            return error.outcome
        except GarbledError as error:
            return _garbled(instrument.symbol, error)
        if listed is None:
            return Transient(
                f"Yahoo answered without a word about {instrument.symbol}: it has no options, or Yahoo failed; ask again later"
            )
        return Expiries(tuple(listed)) if listed else ConfirmedEmpty(f"Yahoo lists no options of {instrument.symbol}")

    def fetch_chain(self, instrument: Instrument, expiry: date) -> ChainOutcome:
        """Ask for the chain of one expiry; its quotes are delayed."""
        try:
            rows = parse_chain(self._client.options(yahoo_symbol(instrument.symbol), expiry), expiry)
        except YahooError as error:
            return error.outcome
        except GarbledError as error:
            return _garbled(instrument.symbol, error)
        if not rows.num_rows:
            return Transient(f"Yahoo lists the expiry {expiry} of {instrument.symbol}, but sent no option of it; ask again later")
        return Chain(rows, self._now())

    def test_connection(self) -> tuple[bool, str]:
        """Whether Yahoo answers, and if not, why."""
        try:
            self._ask_anything()
        except (MarketmillError, YahooError) as error:
            return False, str(error)
        return True, "Yahoo Finance answers"

    def reach(self) -> Unreachable | None:
        """Ask for the last days of an index."""
        try:
            self._ask_anything()
        except YahooError as error:
            return error.outcome if isinstance(error.outcome, Unreachable) else None
        return None

    def _ask_anything(self) -> None:
        """A question that brings the run nothing does not count for its quota."""
        now = self._now()
        client = YahooClient(replace(self._quota, job=None), timeout=self._timeout)
        client.chart("^GSPC", "1d", now - 7 * _DAY, now)

    @cached_property
    def _quota(self) -> Quota:
        return self._given_quota or Quota(open_ledger(), self.source.value)

    @cached_property
    def _client(self) -> YahooClient:
        return YahooClient(self._quota, timeout=self._timeout)

    def _ask_names(self, instrument: Instrument, timeframe: str, start: datetime, end: datetime) -> list[Answer]:
        """Answers of the present name and, for the time before it, of the earlier ones; of those Yahoo may know nothing any more."""
        answers = [self._ask(instrument.symbol, timeframe, start, end)]
        for name in instrument.aliases:
            newest = answers[-1].chart
            if newest.first_trade is None:
                break
            began = as_utc(newest.day_of(newest.first_trade)) if timeframe == "1d" else newest.first_trade
            if began <= start:
                break
            before = start, min(end, began)
            try:
                older = self._ask(name, timeframe, *before)
            except UnknownSymbolError:
                self.log.info("Yahoo does not know %s, an earlier name of %s, any more", name, instrument.symbol)
                continue
            if not older.rows.num_rows and isinstance(empty := without_rows(instrument, before, [older]), Transient):
                raise YahooError(empty)
            self._check_scale(instrument, older)
            answers.append(older)
        return answers

    def _check_scale(self, instrument: Instrument, older: Answer) -> None:
        """Refuse bars of an earlier name that do not know a split since: they lie on another price scale."""
        ended = older.chart.last_trade
        if not older.rows.num_rows or ended is None or not is_share(instrument, older.chart):
            return
        now = self._now()
        since = self._ask(instrument.symbol, "1d", min(ended, now - _DAY), now).chart
        splits = [action.date for action in since.actions if action.kind is ActionKind.SPLIT and action.date > older.chart.day_of(ended)]
        if splits:
            raise YahooError(
                Permanent(
                    f"Yahoo's bars of {older.name}, an earlier name of {instrument.symbol}, do not know the split of {splits[0]}; "
                    f"set start to a day after {older.chart.day_of(ended)}, or take another source"
                )
            )

    def _ask(self, name: str, timeframe: str, start: datetime, end: datetime) -> Answer:
        symbol = yahoo_symbol(name)
        # Daily bars are stamped with the opening of their session, up to a day off the midnight that labels them.
        margin = _DAY if timeframe == "1d" else timedelta()
        content = self._client.chart(symbol, timeframe, start - margin, end + margin)
        try:
            chart = parse_chart(content, symbol, timeframe)
        except GarbledError as error:
            raise YahooError(_garbled(name, error)) from error
        return Answer(name, chart, within(chart.rows, start, end))


def yahoo_symbol(symbol: str) -> str:
    """Yahoo's name of a symbol: ``BRK-B`` for ``BRK.B``, ``BTC-USD`` for ``BTC/USD``; all else is the same."""
    share_class = _SHARE_CLASS.fullmatch(symbol)
    return "-".join(share_class.groups()) if share_class else symbol.replace("/", "-")


def _garbled(symbol: str, error: GarbledError) -> Transient:
    return Transient(f"Yahoo's answer about {symbol} does not hang together ({error}); ask again later")
