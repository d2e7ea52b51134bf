"""Binance's bar sizes, and bars of a size that has no table of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby

from tests.servers.common import TIMEFRAMES, Bar, merged

_MINUTE, _DAY = 60, 86400
#: Fixed sizes in seconds; ``1M`` is a calendar month.
SECONDS = {
    "1s": 1,
    **{f"{count}m": count * _MINUTE for count in (1, 3, 5, 15, 30)},
    **{f"{count}h": count * 3600 for count in (1, 2, 4, 6, 8, 12)},
    "1d": _DAY,
    "3d": 3 * _DAY,
    "1w": 7 * _DAY,
}
MONTH = "1M"
INTERVALS = (*SECONDS, MONTH)
_MONDAY = 4 * _DAY  # 1970-01-05


def opening(moment: int, interval: str) -> int:
    """Epoch second at which the bar begins that contains ``moment``."""
    if interval == MONTH:
        day = datetime.fromtimestamp(moment, UTC)
        return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp())
    offset = _MONDAY if interval == "1w" else 0
    return moment - (moment - offset) % SECONDS[interval]


def following(start: int, interval: str) -> int:
    """Epoch second at which the bar after the one at ``start`` begins."""
    if interval == MONTH:
        day = datetime.fromtimestamp(start, UTC)
        year, month = divmod(day.year * 12 + day.month, 12)
        return int(datetime(year, month + 1, 1, tzinfo=UTC).timestamp())
    return start + SECONDS[interval]


def bars_of(tables: dict[str, list[Bar]], interval: str) -> list[Bar]:
    """Bars of one size: the table of that size, or the finest table that divides it, merged; empty without either."""
    if interval in tables:
        return tables[interval]
    length = SECONDS.get(interval, SECONDS["1d"])
    finer = [name for name in tables if TIMEFRAMES[name] <= length and length % TIMEFRAMES[name] == 0]
    if not finer:
        return []
    source = tables[min(finer, key=TIMEFRAMES.__getitem__)]
    return [merged(start, list(group)) for start, group in groupby(source, lambda bar: opening(bar.start, interval))]
