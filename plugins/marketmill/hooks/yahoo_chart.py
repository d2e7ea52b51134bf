"""Read Yahoo's chart answers: bars, splits, dividends, and what they say about the instrument."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.actions import Action, ActionKind
from include.errors import LakeError
from include.schemas import LANDING, TIMESTAMP

#: Our timeframe -> what the answer may call it.
_GRANULARITY = {"1m": ("1m",), "5m": ("5m",), "15m": ("15m",), "1h": ("1h", "60m"), "1d": ("1d",)}
#: Seconds since 1970 of the years that a bar can lie in: 1900 to 2199.
_FIRST, _END = -2_208_988_800, 7_258_118_400
_QUOTE = ("open", "high", "low", "close", "volume")


class GarbledError(ValueError):
    """An answer that does not hang together."""


@dataclass(frozen=True)
class Chart:
    """One chart.

    Parameters
    ----------
    kind
        Yahoo's word for what it is, for example ``EQUITY`` or ``INDEX``.
    zone
        Time zone of the exchange.
    first_trade, last_trade
        First and last trade that Yahoo knows of; None where it does not say.
    rows
        Columns of :data:`include.schemas.LANDING`, in order of time, one row a time: every row that Yahoo sent, also those without
        values. Daily rows are labelled by midnight UTC of their session's date.
    actions
        Splits as they are and dividends as paid; complete from the first day asked for up to the last trade if the chart reaches there.
    """

    kind: str
    zone: ZoneInfo
    first_trade: datetime | None
    last_trade: datetime | None
    rows: pa.Table = field(repr=False)
    actions: tuple[Action, ...]

    def day_of(self, moment: datetime) -> date:
        """Date at the exchange."""
        return moment.astimezone(self.zone).date()


def parse_chart(content: Any, symbol: str, timeframe: str) -> Chart:
    """Read the content of an answer about Yahoo's ``symbol``.

    Raises
    ------
    GarbledError
        If something in it is missing, of the wrong kind, or about something else than was asked for.
    """
    try:
        result = content["result"][0]
        meta = result["meta"]
        _check(meta, symbol, timeframe)
        zone = ZoneInfo(meta["exchangeTimezoneName"])
        return Chart(
            kind=str(meta.get("instrumentType") or ""),
            zone=zone,
            first_trade=_moment(meta.get("firstTradeDate")),
            last_trade=_moment(meta.get("regularMarketTime")),
            rows=_rows(result, meta, zone, timeframe),
            actions=tuple(_actions(result.get("events") or {}, zone)),
        )
    except GarbledError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError, pa.ArrowException, LakeError) as error:
        raise GarbledError(f"{type(error).__name__}: {error}") from error


def _check(meta: dict[str, Any], symbol: str, timeframe: str) -> None:
    if str(meta["symbol"]).upper() != symbol.upper():
        raise GarbledError(f"it is about {str(meta['symbol'])[:40]!r}")
    if meta["dataGranularity"] not in _GRANULARITY[timeframe]:
        raise GarbledError(f"its bars are of {str(meta['dataGranularity'])[:40]!r} instead of {timeframe}")


def _moment(seconds: Any) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(float(seconds), UTC)


def _rows(result: dict[str, Any], meta: dict[str, Any], zone: ZoneInfo, timeframe: str) -> pa.Table:
    seconds = result.get("timestamp") or []
    if not seconds:
        return LANDING.empty_table()
    quote = result["indicators"]["quote"][0]
    adjusted = result["indicators"].get("adjclose") or [{}]
    columns = [_numbers(quote[name], len(seconds), name) for name in _QUOTE]
    columns.append(_numbers(adjusted[0].get("adjclose") or [None] * len(seconds), len(seconds), "adjclose"))
    if not all(_FIRST <= moment < _END for moment in seconds):
        raise GarbledError("it has bars before 1900 or after 2199")
    times = pd.DatetimeIndex(pd.to_datetime(np.asarray(seconds, dtype=np.int64), unit="s", utc=True))
    if timeframe == "1d":
        times = times.tz_convert(zone)
        labels = times.tz_localize(None).normalize().tz_localize("UTC")
        kept = np.ones(len(seconds), bool)
    else:
        labels = times
        kept = _in_session(np.asarray(seconds, dtype=np.int64), meta.get("tradingPeriods"))
    order = _last_of_each(labels, times, kept)
    stamps = pa.array(labels.as_unit("us").asi8, pa.int64()).cast(TIMESTAMP)
    return pa.table([stamps, *columns], schema=LANDING).take(pa.array(order))


def _numbers(values: Sequence[Any], count: int, name: str) -> pa.Array:
    """Numbers of a column; what is no number of this world (Yahoo writes Infinity) is null."""
    column = pa.array(values)
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
        raise GarbledError(f"its {name} is no column of numbers")
    if len(column) != count:
        raise GarbledError(f"it has {count} times, but {len(column)} values of {name}")
    column = column.cast(pa.float64())
    return pc.if_else(pc.is_finite(column), column, None)


def _in_session(seconds: np.ndarray, periods: Any) -> np.ndarray:
    """Which bars open within a session; Yahoo adds some from before or after it at times. All, where it does not tell the sessions."""
    if not isinstance(periods, list) or not all(isinstance(day, list) for day in periods):
        return np.ones(seconds.size, bool)
    inside = np.zeros(seconds.size, bool)
    for period in (period for day in periods for period in day):
        inside |= (seconds >= int(period["start"])) & (seconds < int(period["end"]))
    return inside


def _last_of_each(labels: pd.DatetimeIndex, times: pd.DatetimeIndex, kept: np.ndarray) -> np.ndarray:
    """Places of the rows to keep, in order of time; of several with one label (today's bar comes twice) the last."""
    order = np.argsort(times.asi8, kind="stable")
    order = order[kept[order]]
    stamps = labels.asi8[order]
    last = np.ones(order.size, bool)
    last[:-1] = stamps[1:] != stamps[:-1]
    kept_places: np.ndarray = order[last]
    return kept_places


def _actions(events: dict[str, Any], zone: ZoneInfo) -> Iterable[Action]:
    splits = [
        Action(_day(event["date"], zone), ActionKind.SPLIT, float(event["numerator"]) / float(event["denominator"]))
        for event in _values(events.get("splits"))
    ]
    yield from splits
    for event in _values(events.get("dividends")):
        day = _day(event["date"], zone)
        # Yahoo keeps dividends, like prices, on the scale of all splits since.
        later = math.prod(split.value for split in splits if split.date > day)
        yield Action(day, ActionKind.DIVIDEND, float(event["amount"]) * later)


def _values(events: Any) -> list[dict[str, Any]]:
    return list(events.values()) if events else []


def _day(seconds: Any, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(float(seconds), UTC).astimezone(zone).date()
