"""Which months of which symbols are held back, and why; what is held back keeps the bars it has, or none."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from include.errors import ConfigurationError, LakeError
from include.lake import Lake
from include.months import parse_month
from include.symbols import parse_symbol, symbol_in_path

_ROOT = "holds"

#: The rule of a symbol that could not be fetched.
NOT_FETCHED = "fetched"


@dataclass(frozen=True)
class Cause:
    """Which rule holds something back, and why in words."""

    rule: str
    reason: str


@dataclass(frozen=True)
class Hold:
    """Months of a symbol that could not be fetched, or that the newest check of their source did not let through, for one cause."""

    symbol: str
    source: str
    months: tuple[str, ...]
    rule: str
    reason: str


def record_check(lake: Lake, source: str, timeframe: str, symbol: str, months: Iterable[str], cause: Cause | None) -> None:
    """Say of some months that they are held back for a cause, or (None) that they are no longer.

    Nothing is written where that is known already.

    Raises
    ------
    LakeError
        If the symbol's file is damaged.
    """
    path = f"{_folder(source, timeframe)}/{symbol_in_path(symbol)}.json"
    with lake.lock(path):
        before = _read(lake, path)
        after = {month: held for month, held in before.items() if month not in set(months)}
        if cause is not None:
            after |= dict.fromkeys(months, cause)
        if not after:
            lake.delete(path)
        elif after != before:
            held = {month: asdict(why) for month, why in after.items()}
            lake.write(path, json.dumps({"symbol": symbol, "held": held}, indent=1, sort_keys=True).encode())


def read_holds(lake: Lake, timeframe: str, symbols: Iterable[str]) -> list[Hold]:
    """What is held back of ``symbols`` today, whatever the source.

    Raises
    ------
    LakeError
        If a file is damaged.
    """
    holds = []
    wanted = list(symbols)
    for folder in lake.folders(_ROOT):
        source = folder.removeprefix("source=")
        for symbol in wanted:
            held = _read(lake, f"{_folder(source, timeframe)}/{symbol_in_path(symbol)}.json")
            for cause in dict.fromkeys(held.values()):
                months = tuple(sorted(month for month, why in held.items() if why == cause))
                holds.append(Hold(symbol, source, months, cause.rule, cause.reason))
    return holds


def _folder(source: str, timeframe: str) -> str:
    return f"{_ROOT}/source={source}/timeframe={timeframe}"


def _read(lake: Lake, path: str) -> dict[str, Cause]:
    try:
        raw = json.loads(lake.read(path))
        parse_symbol(raw["symbol"])
        return {parse_month(month): Cause(**cause) for month, cause in raw["held"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError, ConfigurationError) as error:
        raise LakeError(f"{lake.url}/{path} is damaged ({error}); delete it and check the symbol again") from error
