"""Real trades from a CSV file of the user's: read whole, every fault named by line and column, then added to the lake.

Columns, in any order, others are refused: ``strategy``, ``symbol``, ``side`` (``long`` or ``short``), ``decided_at``, ``entered_at``,
``exited_at`` (ISO 8601 with an offset, such as ``2024-06-03T14:30:00Z``), ``decided_price`` and ``exit_decided_price`` (what the market
showed when the entry and the exit were decided), ``entry_price`` and ``exit_price`` (the fills), ``size`` (notional as a fraction of the
equity) and ``fees`` (of entry and exit, as a fraction of the notional at entry).

What the fills were worse than the market shown is the slippage, the spread included, so ``spread_cost`` is 0:
``slippage = side * ((entry_price - decided_price) + (exit_decided_price - exit_price)) / entry_price``;
``net_return = side * (exit_price / entry_price - 1) - fees``, and the gross return is what is left before both.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from include.errors import ConfigurationError, SourceError
from include.lake import Lake
from include.months import MONTH_FORMAT
from include.publish import Published
from include.symbols import parse_symbol
from include.timeframes import timeframe_length
from include.trades import TRADES, add_trades, trade_ids

#: Id of the run of all real fills.
FILLS = "fills"
_TIMES = ("decided_at", "entered_at", "exited_at")
_PRICES = ("decided_price", "entry_price", "exit_price", "exit_decided_price")
_COLUMNS = ("strategy", "symbol", "side", *_TIMES, *_PRICES, "size", "fees")
_SIDES = {"long": 1, "short": -1}
_LONGEST = 80


def read_fills(file: str | Path, timeframe: str) -> pd.DataFrame:
    """Trades of a file, columns of :data:`include.trades.TRADES`; ``timeframe`` is that of the bars they were decided on.

    Raises
    ------
    SourceError
        If the file cannot be read, or a line is wrong or there twice.
    """
    timeframe_length(timeframe)
    try:
        with Path(file).open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            header = reader.fieldnames or []
            if sorted(header) != sorted(_COLUMNS):
                raise SourceError(f"{file}, line 1: columns are {', '.join(header) or 'none'}; they must be {', '.join(_COLUMNS)}")
            rows = [_trade(f"{file}, line {reader.line_num}", row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{file} cannot be read as CSV ({error})") from error
    if not rows:
        raise SourceError(f"{file} holds no trade")
    trades = pd.DataFrame(rows).assign(run_id=FILLS, timeframe=timeframe)
    for name in _TIMES:
        trades[name] = trades[name].astype("datetime64[us, UTC]")
    trades = trades.assign(trade_id=trade_ids(trades))
    if (twice := trades["trade_id"].duplicated()).any():
        first = trades[twice].iloc[0]
        raise SourceError(f"{file}: {first['strategy']} entered {first['symbol']} at {first['entered_at']} twice")
    return trades.reindex(columns=TRADES.names)


def publish_fills(lake: Lake, trades: pd.DataFrame) -> list[Published]:
    """Add fills to those that are known; one that is known already is replaced."""
    by_month = trades.groupby(trades["entered_at"].dt.strftime(MONTH_FORMAT))
    return [add_trades(lake, FILLS, str(month), part) for month, part in by_month]


def _trade(where: str, row: Mapping[str | None, Any]) -> dict[str, Any]:
    if None in row or None in row.values():
        raise SourceError(f"{where}: it has not as many fields as the first line")
    times = {name: _moment(where, name, row[name]) for name in _TIMES}
    number = {name: _number(where, name, row[name]) for name in (*_PRICES, "size", "fees")}
    if not times["decided_at"] <= times["entered_at"] < times["exited_at"]:
        raise SourceError(f"{where}: decided_at, entered_at and exited_at must follow each other")
    if wrong := [name for name in (*_PRICES, "size") if number[name] <= 0]:
        raise SourceError(f"{where}, {wrong[0]}: {row[wrong[0]]} is not above 0")
    side = _SIDES.get(str(row["side"]).strip().lower())
    if side is None:
        raise SourceError(f"{where}, side: {row['side']!r} is neither long nor short")
    strategy = str(row["strategy"]).strip()
    if not strategy or len(strategy) > _LONGEST:
        raise SourceError(f"{where}, strategy: a name of 1 to {_LONGEST} letters is wanted")
    entry, out = number["entry_price"], number["exit_price"]
    net = side * (out / entry - 1) - number["fees"]
    slippage = side * ((entry - number["decided_price"]) + (number["exit_decided_price"] - out)) / entry
    return {
        "strategy": strategy, "parameters": "{}", "symbol": _symbol(where, str(row["symbol"])), "side": side, **times,
        "entry_price": entry, "exit_price": out, "exit_reason": "fill", "size": number["size"],
        "gross_return": net + number["fees"] + slippage, "fees": number["fees"], "spread_cost": 0.0, "slippage": slippage,
        "net_return": net, "ambiguous": False, "is_oos": True, "simulated": False,
    }  # fmt: skip


def _symbol(where: str, text: str) -> str:
    try:
        return parse_symbol(text.strip())
    except ConfigurationError as error:
        raise SourceError(f"{where}, symbol: {error}") from None


def _moment(where: str, name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise SourceError(f"{where}, {name}: {text!r} is no time such as 2024-06-03T14:30:00Z") from None
    if moment.tzinfo is None:
        raise SourceError(f"{where}, {name}: {text!r} has no offset; write 2024-06-03T14:30:00Z or +02:00")
    return moment.astimezone(UTC)


def _number(where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SourceError(f"{where}, {name}: {text!r} is no number")
    return value
