"""Which months of which symbols are held back, and why; what is held back keeps the bars it has, or none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from include.errors import ConfigurationError, LakeError
from include.lake import Lake
from include.months import parse_month
from include.symbols import parse_symbol, symbol_from_path, symbol_in_path

_ROOT = "holds"

#: The rule of a symbol that could not be fetched.
NOT_FETCHED = "fetched"
#: Times of a warning that are kept by month: all of daily bars; of others the rest is only counted.
_TIMES = 31


@dataclass(frozen=True)
class Cause:
    """Which rule holds something back, why in words, and what to do; ``month`` is where it lies, if that is one month."""

    rule: str
    reason: str
    remedy: str
    month: str = ""

    @property
    def told(self) -> str:
        """Why, and what to do."""
        return f"{self.reason}; {self.remedy}"


@dataclass(frozen=True)
class Warned:
    """Held rows that carry one warning: how many ``bars``, and the times of the first of each month (UTC, rising)."""

    bars: int
    times: tuple[datetime, ...]


@dataclass(frozen=True)
class Hold:
    """Months of a symbol that could not be fetched, or that the newest check of their source did not let through, for one cause.

    ``kept`` counts, by month, the rows that passed every rule on rows and would be bars, were the symbol not held back, and
    ``warnings`` tells by rule which of them are odd.
    """

    symbol: str
    source: str
    months: tuple[str, ...]
    cause: Cause
    kept: Mapping[str, int] = field(default_factory=dict)
    warnings: Mapping[str, Warned] = field(default_factory=dict)


@dataclass(frozen=True)
class _Held:
    """One month."""

    cause: Cause
    kept: int
    warnings: Mapping[str, Warned]


def record_check(
    lake: Lake,
    source: str,
    timeframe: str,
    symbol: str,
    months: Iterable[str],
    cause: Cause | None,
    kept: Mapping[str, int] | None = None,
    warned: Mapping[str, Mapping[str, Sequence[datetime]]] | None = None,
) -> None:
    """Say of some months that they are held back for a cause, or (None) that they are no longer.

    Nothing is written where that is known already. ``kept``: see :class:`Hold`; ``warned``: by month and rule, the times of the held
    rows that carry a warning (UTC, rising).

    Raises
    ------
    LakeError
        If the symbol's file is damaged.
    """
    path = f"{_folder(source, timeframe)}/{symbol_in_path(symbol)}.json"
    with lake.lock(path):
        before = _read(lake, path)
        told = set(months)
        after = {month: held for month, held in before.items() if month not in told}
        if cause is not None:
            odd = {
                month: {rule: Warned(len(times), tuple(times[:_TIMES])) for rule, times in of.items()}
                for month, of in (warned or {}).items()
            }
            after |= {month: _Held(cause, (kept or {}).get(month, 0), odd.get(month, {})) for month in told}
        if not after:
            lake.delete(path)
        elif after != before:
            held = {month: _as_plain(one) for month, one in after.items()}
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
            for cause in dict.fromkeys(one.cause for one in held.values()):
                months = tuple(sorted(month for month, one in held.items() if one.cause == cause))
                kept = {month: held[month].kept for month in months if held[month].kept}
                holds.append(Hold(symbol, source, months, cause, kept, _joined([held[month].warnings for month in months])))
    return holds


def held_symbols(lake: Lake, timeframe: str) -> dict[str, list[str]]:
    """By source the symbols of which something is held back."""
    sources = [folder.removeprefix("source=") for folder in lake.folders(_ROOT)]
    files = {source: lake.files(_folder(source, timeframe)) for source in sources}
    return {
        source: [symbol_from_path(name.removesuffix(".json")) for name in names if name.endswith(".json")]
        for source, names in files.items()
    }


def _joined(months: Sequence[Mapping[str, Warned]]) -> dict[str, Warned]:
    """Warnings of months that follow one another."""
    rules = dict.fromkeys(rule for month in months for rule in month)
    found = {rule: [month[rule] for month in months if rule in month] for rule in rules}
    return {rule: Warned(sum(one.bars for one in of), tuple(time for one in of for time in one.times)) for rule, of in found.items()}


def _as_plain(held: _Held) -> dict[str, Any]:
    warnings = {rule: {"bars": one.bars, "times": [time.isoformat() for time in one.times]} for rule, one in held.warnings.items()}
    return asdict(held.cause) | {"kept": held.kept} | ({"warnings": warnings} if warnings else {})


def _folder(source: str, timeframe: str) -> str:
    return f"{_ROOT}/source={source}/timeframe={timeframe}"


def _read(lake: Lake, path: str) -> dict[str, _Held]:
    try:
        raw = json.loads(lake.read(path))
        parse_symbol(raw["symbol"])
        return {parse_month(month): _held(one) for month, one in raw["held"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError, ConfigurationError) as error:
        raise LakeError(f"{lake.url}/{path} is damaged ({error}); delete it and check the symbol again") from error


def _held(raw: dict[str, Any]) -> _Held:
    kept = int(raw.pop("kept"))
    odd = raw.pop("warnings", {})  # only where there are some
    warnings = {rule: Warned(int(one["bars"]), tuple(datetime.fromisoformat(time) for time in one["times"])) for rule, one in odd.items()}
    return _Held(Cause(**raw), kept, warnings)
