"""How the features' cost grows with the number of symbols, and what that says of a size that nobody has measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

_SIZES = (500, 5_000)
#: What a row of the benchmark's bars is: ten years of daily sessions a symbol.
_ROWS_A_SYMBOL = 2_520
#: The size that is estimated: bars of five minutes of a year of New York sessions.
_SYMBOLS, _BARS_A_SESSION, _SESSIONS = 50_000, 78, 252
_CORES = 64
_FEATURES, _BYTES = 104, 4

_TEXT = """
## How the cost grows
From 500 to 5,000 symbols the processor time of all ten years grows with the symbols to the power {power:.2f}; fitted by a line, it is
{fixed:.1f} s for the start and {symbol:.1f} ms for each symbol of ten years, which is {row:.1f} microseconds a row of {features} features.

**An estimate, on paper**: {symbols:,} symbols of 5-minute bars are {rows:.0f} million rows a year ({bars} bars a session,
{sessions} sessions). At the same cost a row, a year of them is {hours:.1f} core-hours, or {seconds:.0f} seconds on {cores} cores
that do nothing else; a new month is a twelfth. The features of a year are {gigabytes:.0f} GB before compression: a lake that
takes less than {speed:.1f} GB a second is slower than the formulas. Assumed: a row costs what it costs on daily bars, cores do
not share what limits them (the two here did), each has the memory that one of this machine has, and the lake takes many writers
at once. Nobody has run it.
"""


def cost_curve(rows: Sequence[Mapping[str, Any]]) -> str:
    """Section of the page about growth; empty where not both sizes were measured."""
    measured = {item["name"]: item["value"] for item in rows}
    names = [f"features, {size:,} symbols: all ten years, processor time" for size in _SIZES]
    if not all(name in measured for name in names):
        return ""
    few, many = (measured[name] for name in names)
    symbol = (many - few) / (_SIZES[1] - _SIZES[0])
    row = symbol / _ROWS_A_SYMBOL
    estimated = _SYMBOLS * _BARS_A_SESSION * _SESSIONS
    seconds, gigabytes = row * estimated, estimated * _FEATURES * _BYTES / 1e9
    return _TEXT.format(
        power=math.log(many / few) / math.log(_SIZES[1] / _SIZES[0]),
        fixed=few - symbol * _SIZES[0],
        symbol=symbol * 1e3,
        row=row * 1e6,
        features=_FEATURES,
        symbols=_SYMBOLS,
        rows=estimated / 1e6,
        bars=_BARS_A_SESSION,
        sessions=_SESSIONS,
        hours=seconds / 3600,
        seconds=seconds / _CORES,
        cores=_CORES,
        gigabytes=gigabytes,
        speed=gigabytes / (seconds / _CORES),
    )
