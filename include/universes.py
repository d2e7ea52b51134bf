"""Universes: which instruments belong together, and what must be known about each."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from include.errors import ConfigurationError
from include.exchanges import guess_calendar
from include.symbols import SYMBOL_PATTERN, parse_symbol
from include.yaml_files import load_yaml

FOLDER = Path(__file__).parent / "config" / "universes"

Symbol = Annotated[str, StringConstraints(pattern=f"^{SYMBOL_PATTERN}$", max_length=32)]


class Kind(StrEnum):
    """What an instrument is."""

    STOCK = "stock"
    FUND = "fund"
    INDEX = "index"
    CRYPTO = "crypto"
    CURRENCY = "currency"


class Instrument(BaseModel):
    """One symbol and the facts that checks and features need."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: Symbol
    name: str = Field(min_length=1)
    kind: Kind
    sector: str | None = None
    calendar: str = Field(description="exchange calendar, for example XNYS, XBOM, XCBF or 24/7")
    trades_volume: bool = Field(description="false for indices without volume, such as ^VIX")
    aliases: tuple[Symbol, ...] = Field(default=(), description="earlier symbols of the same instrument")
    listed: date | None = Field(default=None, description="first day of trading; no bar is missed before it")
    delisted: date | None = Field(default=None, description="last day of trading; no bar is missed after it")

    @model_validator(mode="after")
    def _is_listed_before_it_is_delisted(self) -> Instrument:
        if self.listed and self.delisted and self.listed > self.delisted:
            raise ValueError(f"{self.symbol}: listed {self.listed} is after delisted {self.delisted}")
        return self


class Universe(BaseModel):
    """A named set of instruments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    description: str
    instruments: tuple[Instrument, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _symbols_are_unique(self) -> Universe:
        symbols = self.symbols
        doubled = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
        if doubled:
            raise ValueError(f"symbols named twice: {', '.join(doubled)}")
        return self

    @property
    def symbols(self) -> list[str]:
        """Symbols in the file's order."""
        return [instrument.symbol for instrument in self.instruments]


def list_universes(folder: Path = FOLDER) -> list[str]:
    """Names of the universes that have a file."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_universe(name: str, folder: Path = FOLDER) -> Universe:
    """Read one universe.

    Raises
    ------
    ConfigurationError
        If there is no such universe, or its file is wrong; the message names the file, the key and what is allowed.
    """
    known = list_universes(folder)
    if name not in known:
        raise ConfigurationError(f"universe {name!r} is unknown; use one of {', '.join(known)} or add {name}.yaml to {folder}")
    universe = load_yaml(folder / f"{name}.yaml", Universe)
    if universe.name != name:
        raise ConfigurationError(f"{folder / (name + '.yaml')}: name is {universe.name!r}, but the file is called {name}.yaml")
    return universe


def pick_instruments(universe: Universe, symbols: list[str] | None) -> list[Instrument]:
    """The universe's instruments, or those of ``symbols`` only, each once.

    An earlier name, such as FB, means the instrument that has it among its aliases. A symbol that no universe knows (any symbol of a
    source may be named) is taken as a stock that trades volume, of the exchange that its ending tells, else of New York:
    :func:`tell_assumed` says so.

    Raises
    ------
    ConfigurationError
        If something in ``symbols`` is not a symbol.
    """
    if not symbols:
        return list(universe.instruments)
    known = _by_name(known_instruments().values()) | _by_name(universe.instruments)
    picked = [known.get(parse_symbol(symbol)) or _stock(symbol) for symbol in symbols]
    return list({instrument.symbol: instrument for instrument in picked}.values())


def known_instruments() -> dict[str, Instrument]:
    """Every instrument of every universe by symbol."""
    return {instrument.symbol: instrument for name in list_universes() for instrument in load_universe(name).instruments}


def tell_assumed(symbols: Collection[str]) -> str:
    """Say in one sentence which calendars are assumed of those ``symbols`` that no universe names; empty where none is.

    A pair such as BTC/USDT has no exchange that closes, whoever names it.
    """
    known, assumed = known_instruments(), dict[str, list[str]]()
    for symbol in symbols:
        if symbol not in known and "/" not in symbol:
            assumed.setdefault(guess_calendar(symbol), []).append(symbol)
    if not assumed:
        return ""
    words = "; ".join(f"{', '.join(names)} (assumed exchange calendar: {calendar})" for calendar, names in sorted(assumed.items()))
    return f"no universe names {words}; where that is wrong, enter the symbol with its calendar in a file of include/config/universes"


def _by_name(instruments: Collection[Instrument]) -> dict[str, Instrument]:
    """Instruments by symbol and by earlier name; a name that is in use today means who has it today."""
    earlier = {alias: instrument for instrument in instruments for alias in instrument.aliases}
    return earlier | {instrument.symbol: instrument for instrument in instruments}


def _stock(symbol: str) -> Instrument:
    kind = Kind.CRYPTO if "/" in symbol else Kind.STOCK
    return Instrument(symbol=symbol, name=symbol, kind=kind, calendar=guess_calendar(symbol), trades_volume=True)
