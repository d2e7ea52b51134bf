"""Ten years of bars through a keyhole: requests of limited length, walked backwards, until a range is complete."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
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
#: Regular hours may last longer than the calendar says; the next session is far.
_AFTER_CLOSE = timedelta(hours=3)
# More sessions without a bar than this share, and than this number, are no gaps but an incomplete answer.
_SHARE, _FEW = 0.05, 2
_SHOWN = 5


@dataclass(frozen=True)
class Step:
    """How much one request may bring: IBKR's table of step sizes, and "a few thousand bars"."""

    bar_size: str
    days: int


#: The table ends at a year, but IBKR takes daily bars by years on end; where it does not, the table's year is asked for.
STEPS = {
    "1m": Step("1 min", 1),
    "5m": Step("5 mins", 7),
    "15m": Step("15 mins", 7),
    "1h": Step("1 hour", 28),
    "1d": Step("1 day", 3653),
}
_YEAR = 365


@dataclass(frozen=True)
class _Range:
    """The bars of one instrument that open in ``[start, end)``."""

    instrument: Instrument
    timeframe: str
    start: datetime
    end: datetime

    @property
    def sessions(self) -> Sessions:
        return Sessions(self.instrument.calendar, self.timeframe)

    @property
    def held(self) -> list[Session]:
        """Sessions that the calendar has in it."""
        return self.sessions.between(self.start, self.end)

    @property
    def traded(self) -> list[Session]:
        """Those up to the last day on which the instrument was traded."""
        last = self.instrument.delisted
        return [session for session in self.held if last is None or session.label.date() <= last]

    def up_to(self, end: datetime) -> _Range:
        return _Range(self.instrument, self.timeframe, self.start, end)


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
        IbkrError, QuotaWait, ConfigurationError, SnapshotLimitError
            See :class:`IbkrRequests`.
        """
        symbol = instrument.symbol
        until = min(end, Sessions(instrument.calendar, timeframe).finished_until(self._requests.now()))
        if until <= start:
            return Transient(f"{symbol}: the bars from {start:%Y-%m-%d %H:%M} UTC on are not finished yet")
        wanted = _Range(instrument, timeframe, start, until)
        bars = self._walk(wanted)
        if not bars:
            return self._nothing(wanted, end)
        if hole := self._hole(wanted, bars):
            return hole
        if not any(math.isfinite(bar.close) for bar in bars):
            return Transient(f"{symbol}: {len(bars)} bars came without a single close")
        _log.info("%s: %d %s bars from %s to %s", symbol, len(bars), timeframe, bars[0].timestamp.date(), bars[-1].timestamp.date())
        late = self._late(wanted, bars[-1].timestamp)
        covered = wanted.sessions.begin_of(late[0]) if late else until
        return Data(
            _table(bars, instrument),
            Adjustment.NONE if instrument.kind is Kind.INDEX else Adjustment.SPLIT,
            covers_until=covered if covered < end else None,
            history_from=self._begun(wanted),
            late=f"IBKR has no bars of {_days(late)}, the end of what was asked for; run it again later" if late and until == end else "",
        )

    def _walk(self, wanted: _Range) -> list[IbkrBar]:
        """Ask for the end of the range, then for what lies before the oldest bar, until nothing is expected there."""
        bars: list[IbkrBar] = []
        left = wanted
        while True:
            answer = self._ask(left)
            fresh = [bar for bar in answer if left.start <= bar.timestamp < left.end]  # the borders come twice
            bars = fresh + bars
            if not fresh:
                return bars
            left = left.up_to(fresh[0].timestamp)
            if not self._expected(left):
                return bars

    def _ask(self, left: _Range) -> list[IbkrBar]:
        contract = self._requests.contract(left.instrument)
        end, timeframe = left.end, left.timeframe
        if timeframe != "1d" and (held := left.held):
            end = min(end, held[-1].closes + _AFTER_CLOSE)
        duration = _duration(left.start, end, self._longest[timeframe])
        bar_size = STEPS[timeframe].bar_size
        _log.info("%s: asking for %s of %s bars up to %s UTC", left.instrument.symbol, duration, timeframe, f"{end:%Y-%m-%d %H:%M}")
        try:
            key = f"{end:%Y%m%dT%H%M%S} {duration} {timeframe}"
            return self._requests.counted(contract, key, lambda client: client.bars(contract, end, duration, bar_size))
        except RefusedError as error:
            if error.meaning is Meaning.NO_DATA:
                return []
            if error.meaning is not Meaning.TOO_LONG or self._longest[timeframe] <= _YEAR:
                raise
            _log.info("%s; from now on by %d days", error, _YEAR)
            self._longest[timeframe] = _YEAR
        return self._ask(left)

    def _expected(self, wanted: _Range) -> list[Session]:
        """Sessions that IBKR must have bars of; where its history begins is asked only if that matters."""
        if not (held := wanted.traded):
            return []
        begins = self._begin(wanted.instrument)
        return [session for session in held if session.closes > begins]

    def _begin(self, instrument: Instrument) -> datetime:
        if instrument.symbol not in self._begins:
            contract = self._requests.contract(instrument)
            self._begins[instrument.symbol] = self._requests.counted(contract, "head", lambda client: client.first_moment(contract))
        return self._begins[instrument.symbol]

    def _begun(self, wanted: _Range) -> datetime | None:
        """Opening of the first bar that IBKR can have, where it was asked for that."""
        begins = self._begins.get(wanted.instrument.symbol)
        missed = [] if begins is None else [session for session in wanted.held if session.closes <= begins]
        return missed[-1].closes if missed else None

    def _nothing(self, wanted: _Range, end: datetime) -> Outcome:
        """What an empty answer means: a second fact must agree with it."""
        instrument = wanted.instrument
        if expected := self._expected(wanted):
            return Transient(
                f"No historical data found for {instrument.symbol} from {wanted.start:%Y-%m-%d} to {wanted.end:%Y-%m-%d}, says IBKR, but "
                f"there were {len(expected)} sessions and its history begins on {self._begin(instrument):%Y-%m-%d}; run it again later"
            )
        if wanted.end < end:
            return Transient(f"{instrument.symbol}: the bars from {wanted.end:%Y-%m-%d %H:%M} UTC on are not finished yet")
        if not wanted.held:
            return ConfirmedEmpty(f"the calendar {instrument.calendar} has no session there")
        if not wanted.traded:
            return ConfirmedEmpty(f"it was delisted on {instrument.delisted}")
        return ConfirmedEmpty(f"IBKR's history of {instrument.symbol} begins on {self._begin(instrument):%Y-%m-%d}")

    def _hole(self, wanted: _Range, bars: Sequence[IbkrBar]) -> Transient | None:
        """Name the sessions without a bar; too many of them, or too young ones, are a failure."""
        times = [bar.timestamp for bar in bars]
        if not wanted.sessions.without_bars(wanted.held, times):
            return None
        expected = self._expected(wanted)
        gaps = wanted.sessions.without_bars(expected, times)
        if not gaps:
            return None
        symbol, named = wanted.instrument.symbol, _days(gaps)
        if may_still_come(gaps[-1], self._requests.now()):
            return Transient(f"{symbol}: IBKR has no bars of {named} yet; run it again later")
        if len(gaps) > max(_FEW, _SHARE * len(expected)):
            return Transient(
                f"{symbol}: an incomplete answer, without {len(gaps)} of {len(expected)} sessions ({named}); run it again later"
            )
        _log.warning("%s: IBKR has no bars of %s", symbol, _days(gaps, most=len(gaps)))
        return None

    @staticmethod
    def _late(wanted: _Range, last: datetime) -> list[Session]:
        """Sessions after the last bar: no later bar says that they were no more than a hole."""
        return [session for session in wanted.traded if wanted.sessions.begin_of(session) > last]


def _days(sessions: Sequence[Session], most: int = _SHOWN) -> str:
    days = [f"{session.label:%Y-%m-%d}" for session in sessions]
    return ", ".join(days[:most]) + (f" and {len(days) - most} more" if len(days) > most else "")


def chunk_borders(timeframe: str, start: datetime, end: datetime) -> list[datetime]:
    """Borders of the parts that land one by one, ``start`` and ``end`` included; a weekend belongs to the day before it."""
    step = STEPS[timeframe].days * _DAY
    borders, border = [end], end - step
    while border > start:
        if step > _DAY or border.weekday() < 5:
            borders.append(border)
        border -= step
    return [start, *borders[::-1]]


def _duration(start: datetime, end: datetime, longest: int) -> str:
    """How far back to ask: in days up to a year, else in years, as IBKR wants it; rather too far than not far enough."""
    days = min(max(1, math.ceil((end - start) / _DAY)), longest)
    return f"{days} D" if days <= _YEAR else f"{math.ceil(days / _YEAR)} Y"


def _table(bars: Sequence[IbkrBar], instrument: Instrument) -> pa.Table:
    rows = [
        {"timestamp": bar.timestamp}
        | {name: _number(getattr(bar, name)) for name in ("open", "high", "low", "close")}
        | {"volume": _volume(bar.volume, instrument)}
        for bar in bars
    ]
    return pa.Table.from_pylist(rows, schema=LANDING)


def _volume(value: float, instrument: Instrument) -> float | None:
    """IBKR writes -1 for "not known", and 0 for an index, whose trades it does not count."""
    if value < 0 or (value == 0 and instrument.kind is Kind.INDEX):
        return None
    return _number(value)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
