"""Server messages as frames, in the layout that the negotiated version expects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tests.servers.common import Bar
from tests.servers.tws.bars import DAY
from tests.servers.tws.codec import Field, frame
from tests.servers.tws.contracts import StandInContract
from tests.servers.tws.greeks import Greeks

#: What TWS writes for "not computed" or "no quote".
NOTHING = -1.0
_NO_SENSITIVITY = -2.0


def handshake(version: int, now: datetime, zone: str) -> bytes:
    """Answer to the client's version range."""
    return frame(version, now.astimezone(ZoneInfo(zone)).strftime("%Y%m%d %H:%M:%S %Z"))


def error(version: int, request_id: int, code: int, text: str) -> bytes:
    """Message 4; id -1 for notices."""
    reject: list[Field] = [""] if version >= 166 else []
    return frame(4, 2, request_id, code, text, *reject)


def managed_accounts(accounts: Sequence[str]) -> bytes:
    """Message 15."""
    return frame(15, 1, ",".join(accounts))


def contract_details(version: int, request_id: int, contract: StandInContract, hours: str) -> bytes:
    """Message 10 for one contract; ``hours`` in the form of TWS."""
    old = version < 164
    liquid = hours
    head: list[Field] = [10, 8, request_id] if old else [10, request_id]
    middle: list[Field] = [
        contract.symbol,
        contract.security_type,
        contract.expiry,
        contract.strike,
        contract.right,
        contract.exchange,
        contract.currency,
        contract.local_symbol,
        contract.trading_class,  # market name
        contract.trading_class,
        contract.con_id,
        0.01,  # least price step
        *([1] if old else []),
        contract.multiplier,
        "LMT,MKT",
        ",".join(contract.exchanges),
        1,  # price magnifier
        contract.under_con_id,
        contract.long_name,
        contract.primary_exchange,
        contract.expiry[:6],
        "",  # industry
        "",  # category
        "",  # subcategory
        _tws_zone(contract.session.zone),
        hours,
        liquid,
        "",  # economic value rule
        0,
        0,  # no security ids
        1,  # aggregated group
        contract.symbol if contract.under_con_id else "",
        "STK" if contract.under_con_id else "",
        "26",  # market rule
        contract.expiry,
        "COMMON" if contract.security_type == "STK" else "",
    ]
    sizes: list[Field] = [] if version < 163 else [1] if old else [1, 1, 100]
    return frame(*head, *middle, *sizes)


def contract_details_end(request_id: int) -> bytes:
    """Message 52."""
    return frame(52, 1, request_id)


def history(version: int, request_id: int, bars: Sequence[Bar], *, span: tuple[str, str], seconds: int, epoch: bool, zone: str) -> bytes:
    """Message 17.

    Weighted average and number of trades are -1: the stand-in's bars do not have them.
    """
    fields: list[Field] = [17, request_id, *span, len(bars)]
    for bar in bars:
        fields += [
            bar_date(bar, seconds, epoch=epoch, zone=zone),
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            round(bar.volume) if version < 163 else bar.volume,
            NOTHING,
            -1,
        ]
    return frame(*fields)


def bar_date(bar: Bar, seconds: int, *, epoch: bool, zone: str) -> str:
    """A bar's date as TWS writes it: only the date for daily bars, else epoch seconds or local time with its zone."""
    if seconds == DAY:
        return bar.day.strftime("%Y%m%d")
    return str(bar.start) if epoch else local_text(datetime.fromtimestamp(bar.start, UTC), zone)


def local_text(moment: datetime, zone: str) -> str:
    """A moment in the time zone of the login, with the zone's name."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y%m%d %H:%M:%S} {_tws_zone(zone)}"


def head_timestamp(request_id: int, moment: datetime, *, epoch: bool) -> bytes:
    """Message 88; UTC in both formats."""
    text = str(int(moment.timestamp())) if epoch else moment.astimezone(UTC).strftime("%Y%m%d-%H:%M:%S")
    return frame(88, request_id, text)


def option_parameters(
    request_id: int, exchange: str, underlying: StandInContract, expiries: Iterable[str], strikes: Iterable[float]
) -> bytes:
    """Message 75 for one exchange."""
    dates, prices = sorted(expiries), sorted(strikes)
    head: list[Field] = [75, request_id, exchange, underlying.con_id, underlying.symbol, "100"]
    return frame(*head, len(dates), *dates, len(prices), *prices)


def option_parameters_end(request_id: int) -> bytes:
    """Message 76."""
    return frame(76, request_id)


def market_data_type(request_id: int, data_type: int) -> bytes:
    """Message 58."""
    return frame(58, 1, request_id, data_type)


def tick_parameters(request_id: int) -> bytes:
    """Message 81."""
    return frame(81, request_id, 0.01, "9c0001", 3)


def tick_price(request_id: int, tick: int, price: float, size: int) -> bytes:
    """Message 1."""
    return frame(1, 6, request_id, tick, price, size, 0)


def tick_size(request_id: int, tick: int, size: int) -> bytes:
    """Message 2."""
    return frame(2, 6, request_id, tick, size)


def tick_greeks(request_id: int, tick: int, greeks: Greeks | None) -> bytes:
    """Message 21; None means "not computed"."""
    if greeks is None:
        values = [NOTHING, _NO_SENSITIVITY, NOTHING, NOTHING, *[_NO_SENSITIVITY] * 3, NOTHING]
    else:
        values = [
            greeks.implied_volatility,
            greeks.delta,
            greeks.price,
            0.0,  # present value of dividends
            greeks.gamma,
            greeks.vega,
            greeks.theta,
            greeks.underlying,
        ]
    return frame(21, request_id, tick, 1, *values)


def snapshot_end(request_id: int) -> bytes:
    """Message 57."""
    return frame(57, 1, request_id)


def _tws_zone(zone: str) -> str:
    return {"America/New_York": "US/Eastern"}.get(zone, zone)
