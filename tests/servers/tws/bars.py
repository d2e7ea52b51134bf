"""Which of the held bars a request gets: merged sizes, trading sessions, ranges, the bar under way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tests.servers import common
from tests.servers.common import TIMEFRAMES, Bar, BarStore
from tests.servers.tws.contracts import Session

DAY = TIMEFRAMES["1d"]


class SizedBars:
    """A store's bars in any size: one that is not held is made from the finest table that divides it."""

    def __init__(self, store: BarStore) -> None:
        self._store = store
        self._made: dict[tuple[str, int], tuple[int, list[Bar]]] = {}

    def bars(self, symbol: str, seconds: int, session: Session) -> list[Bar] | None:
        """All bars of one size, in order; None where there is nothing to make them from."""
        version = self._store.version
        if (known := self._made.get((symbol, seconds))) and known[0] == version:
            return known[1]
        tables = {TIMEFRAMES[name]: bars for name, bars in self._store.tables(symbol).items()}
        finer = [size for size in tables if size < seconds < DAY and seconds % size == 0]
        if seconds not in tables and not finer:
            return None
        bars = tables[seconds] if seconds in tables else _merge(tables[min(finer)], seconds, session)
        made = [bar for bar in bars if not bar.is_null]
        self._made[symbol, seconds] = version, made
        return made

    def first_moment(self, symbol: str, session: Session) -> datetime | None:
        """Beginning of the oldest bar of any size."""
        tables = self._store.tables(symbol)
        return min((begin_of(bars[0], TIMEFRAMES[name], session) for name, bars in tables.items() if bars), default=None)


def begin_of(bar: Bar, seconds: int, session: Session) -> datetime:
    """When the bar begins to trade, UTC: a daily bar with its session."""
    if seconds == DAY:
        return session.opening(bar.day).astimezone(UTC)
    return datetime.fromtimestamp(bar.start, UTC)


def end_of(bar: Bar, seconds: int, session: Session) -> datetime:
    """When the bar is complete, UTC."""
    if seconds == DAY:
        return session.closing(bar.day).astimezone(UTC)
    return datetime.fromtimestamp(bar.start + seconds, UTC)


def around(bars: list[Bar], start: datetime, end: datetime) -> Sequence[Bar]:
    """Bars near ``[start, end]``, with two days to spare: daily bars are stored by date and begin with the session."""
    return common.between(bars, start.timestamp() - 2 * DAY, end.timestamp() + 2 * DAY)


def between(bars: Sequence[Bar], seconds: int, session: Session, start: datetime, end: datetime, *, now: datetime) -> list[Bar]:
    """Bars that begin in the closed interval ``[start, end]`` and before ``now``; the one under way is unfinished."""
    chosen = []
    for bar in bars:
        begins = begin_of(bar, seconds, session)
        if start <= begins <= end and begins < now:
            ends = end_of(bar, seconds, session)
            chosen.append(bar if ends <= now else common.unfinished(bar, (now - begins) / (ends - begins)))
    return chosen


def in_regular_hours(bar: Bar, session: Session) -> bool:
    """Whether an intraday bar begins inside the session of its local day."""
    local = datetime.fromtimestamp(bar.start, ZoneInfo(session.zone))
    return session.always_open or session.opening(local.date()) <= local < session.closing(local.date())


def _merge(bars: list[Bar], seconds: int, session: Session) -> list[Bar]:
    """Bars of ``seconds`` on the round clock times of the exchange; the first of a session begins with it."""
    zone = ZoneInfo(session.zone)
    groups: dict[int, list[Bar]] = {}
    for bar in bars:
        local = datetime.fromtimestamp(bar.start, zone)
        midnight = int(datetime(local.year, local.month, local.day, tzinfo=zone).timestamp())
        begins = bar.start - (bar.start - midnight) % seconds
        opening = int(session.opening(local.date()).timestamp())
        groups.setdefault(opening if begins < opening <= bar.start else begins, []).append(bar)
    return [common.merged(start, group) for start, group in groups.items()]
