"""Ten years of bars through a keyhole: requests of limited length, walked backwards, until a range is complete."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
import pyarrow as pa

from include.landing import Adjustment
from include.schemas import LANDING
from include.universes import Instrument, Kind
from marketmill.hooks.ibkr_client import IbkrBar
from marketmill.hooks.ibkr_errors import Meaning, RefusedError
from marketmill.hooks.ibkr_requests import IbkrRequests
from marketmill.hooks.ibkr_sessions import Session, Sessions, may_still_come
from marketmill.outcomes import ConfirmedEmpty, Data, Outcome, Transient

_log = logging.getLogger(__name__)
_DAY = timedelta(days=1)
_YEAR_DAYS = 365
#: Regular hours may last a little longer than the calendar says, and the next session is far.
_AFTER_CLOSE = timedelta(hours=3)
# More sessions without a bar than this share, and than this number, are no gaps but an incomplete answer.
_SHARE, _FEW = 0.05, 2
_SHOWN = 5


@dataclass(frozen=True)
class Step:
    """How much one request may bring: IBKR's table of step sizes, and "a few thousand bars"."""

    bar_size: str
    days: int


#: Daily bars may be asked for by years on end; ``_TABLE_DAYS`` is what the table promises.
STEPS = {
    "1m": Step("1 min", 1),
    "5m": Step("5 mins", 7),
    "15m": Step("15 mins", 7),
    "1h": Step("1 hour", 28),
    "1d": Step("1 day", 3653),
}
_TABLE_DAYS = _YEAR_DAYS


class IbkrHistory:
    """Reads bars."""

    def __init__(self, requests: IbkrRequests) -> None:
        self._requests = requests
        self._begins: dict[str, datetime] = {}
        self._longest = {timeframe: step.days for timeframe, step in STEPS.items()}

    def read(self, instrument: Instrument, timeframe: str, start: datetime, end: datetime) -> Outcome:
        """Ask for the bars that open in ``[start, end)`` (UTC) until none can be missing.

        Raises
        ------
        IbkrError, QuotaWait
            If IBKR does not answer, or may not be asked now.
        """
        sessions = Sessions(instrument.calendar, timeframe)
        until = min(end, sessions.finished_until(self._requests.now()))
        if until <= start:
            return Transient(f"{instrument.symbol}: the bars from {start:%Y-%m-%d %H:%M} UTC on are not finished yet")
        bars = self._walk(instrument, timeframe, sessions, start, until)
        if not bars:
            return self._nothing(instrument, sessions, start, until, end)
        gaps = self._gaps(instrument, sessions, bars, start, until)
        if isinstance(gaps, Transient):
            return gaps
        if not any(math.isfinite(bar.close) for bar in bars):
            return Transient(f"{instrument.symbol}: {len(bars)} bars came without a single close")
        _log.info("%s: %d %s bars from %s to %s", instrument.symbol, len(bars), timeframe, bars[0].timestamp.date(), bars[-1].timestamp.date())
        adjustment = Adjustment.NONE if instrument.kind is Kind.INDEX else Adjustment.SPLIT
        return Data(_table(bars, instrument), adjustment, covers_until=until if until < end else None)

    def _walk(self, instrument: Instrument, timeframe: str, sessions: Sessions, start: datetime, until: datetime) -> list[IbkrBar]:
        bars: list[IbkrBar] = []
        upto = until
        while True:
            answer = self._ask(instrument, timeframe, sessions, start, upto)
            fresh = [bar for bar in answer if start <= bar.timestamp < upto]  # the borders come twice
            bars = fresh + bars
            if not fresh:
                return bars
            upto = fresh[0].timestamp
            if not self._expected(instrument, sessions, start, upto):
                return bars

    def _ask(self, instrument: Instrument, timeframe: str, sessions: Sessions, start: datetime, upto: datetime) -> list[IbkrBar]:
        contract = self._requests.contract(instrument)
        last = upto
        if timeframe != "1d" and (inside := sessions.between(start, upto)):
            last = min(upto, inside[-1].closes + _AFTER_CLOSE)
        while True:
            duration = _duration(start, last, self._longest[timeframe])
            key = f"{last:%Y%m%dT%H%M%S} {duration} {timeframe}"
            _log.info("%s: asking for %s of %s bars up to %s UTC", instrument.symbol, duration, timeframe, f"{last:%Y-%m-%d %H:%M}")
            try:
                return self._requests.counted(contract, key, lambda client: client.bars(contract, last, duration, STEPS[timeframe].bar_size))  # noqa: B023
            except RefusedError as error:
                if error.meaning is Meaning.NO_DATA:
                    return []
                if error.meaning is not Meaning.TOO_LONG or self._longest[timeframe] <= _TABLE_DAYS:
                    raise
                _log.info("%s; from now on by %d days", error, _TABLE_DAYS)
                self._longest[timeframe] = _TABLE_DAYS

    def _expected(self, instrument: Instrument, sessions: Sessions, start: datetime, end: datetime) -> list[Session]:
        """Sessions of ``[start, end)`` that IBKR can have bars of; it is asked for the beginning of the history only where that matters."""
        inside = sessions.between(start, end)
        if not inside:
            return []
        begins = self._begin(instrument)
        return [session for session in inside if session.closes > begins]

    def _begin(self, instrument: Instrument) -> datetime:
        if instrument.symbol not in self._begins:
            contract = self._requests.contract(instrument)
            self._begins[instrument.symbol] = self._requests.counted(contract, "head", lambda client: client.first_moment(contract))
        return self._begins[instrument.symbol]

    def _nothing(self, instrument: Instrument, sessions: Sessions, start: datetime, until: datetime, end: datetime) -> Outcome:
        symbol = instrument.symbol
        expected = self._expected(instrument, sessions, start, until)
        if expected:
            return Transient(
                f"No historical data found for {symbol} from {start:%Y-%m-%d} to {until:%Y-%m-%d}: IBKR says so, but its history begins on "
                f"{self._begin(instrument):%Y-%m-%d} and there were {len(expected)} sessions; run it again later"
            )
        if until < end:
            return Transient(f"{symbol}: the bars from {until:%Y-%m-%d %H:%M} UTC on are not finished yet")
        if not sessions.between(start, until):
            return ConfirmedEmpty(f"{instrument.calendar} had no session")
        return ConfirmedEmpty(f"IBKR's history of {symbol} begins on {self._begin(instrument):%Y-%m-%d}")

    def _gaps(self, instrument: Instrument, sessions: Sessions, bars: Sequence[IbkrBar], start: datetime, until: datetime) -> Transient | None:
        held = [bar.timestamp for bar in bars]
        if not sessions.without_bars(sessions.between(start, until), held):
            return None
        expected = self._expected(instrument, sessions, start, until)
        gaps = sessions.without_bars(expected, held)
        if not gaps:
            return None
        named = ", ".join(f"{session.day}" for session in gaps[:_SHOWN]) + (f" and {len(gaps) - _SHOWN} more" if len(gaps) > _SHOWN else "")
        if may_still_come(gaps[-1], self._requests.now()):
            return Transient(f"{instrument.symbol}: IBKR has no bars of {named} yet; run it again later")
        if len(gaps) > max(_FEW, _SHARE * len(expected)):
            return Transient(f"{instrument.symbol}: no bars of {len(gaps)} of {len(expected)} sessions ({named}): the answer is incomplete; run it again")
        _log.warning("%s: IBKR has no bars of %s", instrument.symbol, named)
        return None


def chunk_borders(timeframe: str, start: datetime, end: datetime) -> list[datetime]:
    """Borders of the parts that land one by one, ``start`` and ``end`` included; a weekend belongs to the day before it."""
    step = STEPS[timeframe].days * _DAY
    borders, border = [end], end - step
    while border > start:
        if step > _DAY or border.weekday() < 5:
            borders.append(border)
        border -= step
    return [start, *borders[::-1]]


def _duration(start: datetime, last: datetime, longest: int) -> str:
    """How far back to ask: in days up to a year, else in years, as IBKR wants it; rather too far than not far enough."""
    days = min(max(1, math.ceil((last - start) / _DAY)), longest)
    return f"{days} D" if days <= _YEAR_DAYS else f"{math.ceil(days / _YEAR_DAYS)} Y"


def _table(bars: Iterable[IbkrBar], instrument: Instrument) -> pa.Table:
    is_index = instrument.kind is Kind.INDEX
    return pa.Table.from_pylist(
        [
            {
                "timestamp": bar.timestamp,
                "open": _number(bar.open),
                "high": _number(bar.high),
                "low": _number(bar.low),
                "close": _number(bar.close),
                # -1 is "not known"; of an index IBKR counts nothing and says 0.
                "volume": None if bar.volume < 0 or (is_index and not bar.volume) else _number(bar.volume),
            }
            for bar in bars
        ],
        schema=LANDING,
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
