"""What Yahoo knows of a symbol besides its bars: market, session, currency, corporate actions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_FUNDS = {"SPY", "QQQ", "DIA", "IWM"}


@dataclass(frozen=True)
class Action:
    """A split (``value`` = new shares per old share) or a dividend (currency units per share, on the rows' scale)."""

    day: date
    kind: str
    value: float

    def __post_init__(self) -> None:
        if self.kind not in {"split", "dividend"} or self.value <= 0:
            raise ValueError(f"{self!r}: an action is a split or a dividend with a positive value")


@dataclass(frozen=True)
class Instrument:
    """Market data that the chart's ``meta`` shows.

    Parameters
    ----------
    symbol, kind, exchange, currency
        In Yahoo's words, for example ``AAPL``, ``EQUITY``, ``NMS``, ``USD``.
    zone
        Time zone of the exchange.
    opens, closes
        Session in local time; equal when it never closes.
    """

    symbol: str
    kind: str
    exchange: str
    currency: str
    zone: str
    opens: time
    closes: time

    def opening(self, day: date) -> int:
        """Epoch second at which the session of ``day`` begins."""
        return _epoch(day, self.opens, self.zone)

    def closing(self, day: date) -> int:
        """Epoch second at which it ends."""
        if self.opens == self.closes:
            day += timedelta(days=1)
        return _epoch(day, self.closes, self.zone)

    def day_of(self, moment: float) -> date:
        """Local date."""
        return datetime.fromtimestamp(moment, UTC).astimezone(ZoneInfo(self.zone)).date()

    def offset(self, moment: float) -> int:
        """Seconds ahead of UTC."""
        local = datetime.fromtimestamp(moment, ZoneInfo(self.zone))
        return int((local.utcoffset() or timedelta()).total_seconds())

    def zone_name(self, moment: float) -> str:
        """Short name such as ``EDT``."""
        return datetime.fromtimestamp(moment, ZoneInfo(self.zone)).strftime("%Z")


@lru_cache(maxsize=1 << 17)
def _epoch(day: date, clock: time, zone: str) -> int:
    return int(datetime.combine(day, clock, ZoneInfo(zone)).timestamp())


def instrument(symbol: str) -> Instrument:
    """The instrument that a symbol's shape tells: index, fund, currency, Indian stock, or US stock."""
    kind, exchange, currency, zone, opens, closes = _traits(symbol)
    return Instrument(symbol, kind, exchange, currency, zone, opens, closes)


def _traits(symbol: str) -> tuple[str, str, str, str, time, time]:
    traits = ("ETF" if symbol in _FUNDS else "EQUITY", "NMS", "USD", "America/New_York", time(9, 30), time(16))
    if symbol == "^VIX":
        traits = ("INDEX", "CXI", "USD", "America/Chicago", time(8, 30), time(15, 15))
    elif symbol.startswith("^NSE") or symbol.endswith(".NS"):
        kind = "INDEX" if symbol.startswith("^") else "EQUITY"
        traits = (kind, "NSI", "INR", "Asia/Kolkata", time(9, 15), time(15, 30))
    elif symbol.startswith("^"):
        traits = ("INDEX", "SNP", *traits[2:])
    elif symbol.endswith("=X"):
        traits = ("CURRENCY", "CCY", "USD", "Europe/London", time(0), time(0))
    elif symbol.endswith("-USD"):
        traits = ("CRYPTOCURRENCY", "CCC", "USD", "UTC", time(0), time(0))
    return traits
