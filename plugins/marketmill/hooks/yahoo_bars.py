"""What a chart is worth: bars, or nothing for a good reason, or not yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from include.landing import Adjustment, Interval
from include.months import as_utc
from include.schemas import TIMESTAMP
from include.universes import Instrument, Kind
from marketmill.hooks.yahoo_chart import Chart
from marketmill.hooks.yahoo_sessions import late_session, sessions_between
from marketmill.outcomes import ConfirmedEmpty, Data, Transient

_SHARES = ("EQUITY", "ETF", "MUTUALFUND")
#: An answer without a close on more sessions than this share, or these few, is a fault of Yahoo's and no gap.
_SHARE, _FEW = 0.05, 2


@dataclass(frozen=True)
class Answer:
    """The chart of one name of an instrument, and its rows within the interval asked for."""

    name: str
    chart: Chart
    rows: pa.Table


@dataclass(frozen=True)
class Judgement:
    """``outcome`` covers the interval up to its end; ``gaps`` are sessions without a close that Yahoo will hardly bring any more."""

    outcome: Data | ConfirmedEmpty | Transient
    gaps: tuple[date, ...] = ()


def is_share(instrument: Instrument, chart: Chart) -> bool:
    """Whether it is something that can split, by Yahoo's word where it gives one."""
    return chart.kind in _SHARES if chart.kind else instrument.kind in {Kind.STOCK, Kind.FUND}


def within(rows: pa.Table, start: datetime, end: datetime) -> pa.Table:
    """Rows of the half-open interval."""
    times = rows["timestamp"]
    return rows.filter(pc.and_(pc.greater_equal(times, pa.scalar(start, TIMESTAMP)), pc.less(times, pa.scalar(end, TIMESTAMP))))


def judge(instrument: Instrument, timeframe: str, interval: Interval, answers: Sequence[Answer], now: datetime) -> Judgement:
    """Say what has come of an interval of finished bars.

    Parameters
    ----------
    answers
        Of the present name first, then of earlier names for the time before it; at least one.
    """
    start, end = interval
    symbol, main = instrument.symbol, answers[0].chart
    rows = pa.concat_tables([answer.rows for answer in reversed(answers)])
    if not rows.num_rows:
        return Judgement(without_rows(instrument, interval, answers))
    if rows["close"].null_count == rows.num_rows:
        return Judgement(Transient(f"Yahoo sent {rows.num_rows} rows of {symbol}, all without values; ask again later"))
    missing = _missing_sessions(instrument, timeframe, interval, answers, rows)
    late = late_session(missing, now)
    if late is not None:
        end = max(start, min(end, as_utc(late)))
        rows = within(rows, start, end)
        if not rows.num_rows:
            return Judgement(Transient(f"Yahoo does not have the session of {late} of {symbol} yet; ask again later"))
    if failed := _too_few_closes(instrument, timeframe, main, rows):
        return Judgement(failed)
    # What split after the last trade that Yahoo shows is not in its prices.
    as_of = now if main.last_trade is None else min(now, main.last_trade)
    data = Data(
        rows,
        Adjustment.SPLIT if is_share(instrument, main) else Adjustment.NONE,
        as_of=as_of,
        covers_until=end if end < interval[1] else None,
        history_from=_begins(answers[-1].chart, timeframe),
    )
    return Judgement(data, tuple(day for day in missing if late is None or day < late))


def without_rows(instrument: Instrument, interval: Interval, answers: Sequence[Answer]) -> ConfirmedEmpty | Transient:
    """What an answer without a row means: a positive reason is needed to take it for the truth."""
    start, end = interval
    symbol, oldest = answers[-1].name, answers[-1].chart
    if oldest.first_trade is not None:
        began = oldest.day_of(oldest.first_trade)
        if max(oldest.first_trade, as_utc(began)) >= end:
            return ConfirmedEmpty(f"by Yahoo {symbol} began to trade on {began}")
    last = (end - timedelta(microseconds=1)).date()
    sessions = sessions_between(instrument.calendar, oldest.zone, start.date(), last)
    if sessions == []:
        return ConfirmedEmpty(f"{instrument.calendar} had no session from {start.date()} to {last}")
    known = "there should be some" if sessions is None else f"{instrument.calendar} had {len(sessions)} sessions"
    ended = "" if oldest.last_trade is None else f"; the last trade that Yahoo knows of was on {oldest.day_of(oldest.last_trade)}"
    return Transient(f"Yahoo answered without a bar of {symbol} from {start.date()} to {last}, though {known}{ended}")


def _begins(chart: Chart, timeframe: str) -> datetime | None:
    """Opening of the first bar that Yahoo's history of the oldest name can have."""
    if chart.first_trade is None:
        return None
    return as_utc(chart.day_of(chart.first_trade)) if timeframe == "1d" else chart.first_trade


def _missing_sessions(instrument: Instrument, timeframe: str, interval: Interval, answers: Sequence[Answer], rows: pa.Table) -> list[date]:
    """Sessions of the interval without a close."""
    zone = answers[0].chart.zone
    began = answers[-1].chart.first_trade
    first = interval[0].date() if began is None else max(interval[0].date(), answers[-1].chart.day_of(began))
    sessions = sessions_between(instrument.calendar, zone, first, (interval[1] - timedelta(microseconds=1)).date())
    days = _days(rows.filter(rows["close"].is_valid()), timeframe, zone)
    return [day for day in sessions or () if day not in days]


def _too_few_closes(instrument: Instrument, timeframe: str, chart: Chart, rows: pa.Table) -> Transient | None:
    """Refuse an answer in which too many of the sessions that have rows have no close.

    Yahoo has rows without values for some holidays, and for minutes without a trade: neither is a session without a close.
    """
    days = _days(rows, timeframe, chart.zone)
    sessions = sessions_between(instrument.calendar, chart.zone, min(days), max(days))
    answered = days if sessions is None else days.intersection(sessions)
    lacking = sorted(answered - _days(rows.filter(rows["close"].is_valid()), timeframe, chart.zone))
    if len(lacking) <= max(_FEW, _SHARE * len(answered)):
        return None
    return Transient(
        f"Yahoo's answer is incomplete: {len(lacking)} of the {len(answered)} sessions of {instrument.symbol} that it has, "
        f"{lacking[0]} to {lacking[-1]}, are without a close; ask again later"
    )


def _days(rows: pa.Table, timeframe: str, zone: ZoneInfo) -> set[date]:
    return set(rows["timestamp"].to_pandas().dt.tz_convert(UTC if timeframe == "1d" else zone).dt.date)
