"""Checked rows between the check and their publication: one Parquet file a month and kind, and a plan that is written last."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import pyarrow as pa

from include.errors import ConfigurationError, LakeError
from include.holds import Cause
from include.lake import Lake, parquet_bytes
from include.months import parse_month
from include.schemas import BARS, QUARANTINE, conform
from include.timeframes import timeframe_length

PLAN = "plan.json"
KINDS = {"bars": BARS, "quarantine": QUARANTINE}

_RUN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~:+\-]*")


@dataclass(frozen=True)
class PlannedMonth:
    """One month of the plan.

    ``symbols`` are those that the source gave an answer for: their rows in the lake are replaced, even by nothing. A symbol
    that the source was never asked for, or that is ``held`` back, keeps the rows it has. ``bars`` and ``quarantine`` are the staged
    rows, those of held symbols among them.
    """

    month: str
    symbols: tuple[str, ...]
    bars: int
    quarantine: int
    held: tuple[str, ...] = ()

    def without(self, held: Iterable[str]) -> PlannedMonth:
        """The same month with some symbols held back."""
        back = set(held)
        return replace(
            self,
            symbols=tuple(symbol for symbol in self.symbols if symbol not in back),
            held=tuple(symbol for symbol in self.symbols if symbol in back),
        )


@dataclass(frozen=True)
class Plan:
    """What is to be published; the tables lie beside the plan. ``held`` says why symbols are held back."""

    run: str
    source: str
    timeframe: str
    months: tuple[PlannedMonth, ...]
    held: dict[str, Cause]


def folder_of(run: str) -> str:
    """Name the staging folder of a run.

    Raises
    ------
    ConfigurationError
        If the run's name cannot be one folder.
    """
    if not _RUN.fullmatch(run):
        raise ConfigurationError(f"{run!r} cannot name a run: letters, digits and _ . ~ : + - only, and no dot first")
    return f"staging/checks/{run}"


def stage(lake: Lake, run: str, kind: str, month: str, table: pa.Table) -> None:
    """Write one month's ``bars`` or ``quarantine`` rows; no rows, no file."""
    if table.num_rows:
        lake.write(_path(folder_of(run), kind, month), parquet_bytes(table))


def staged(lake: Lake, plan_path: str, kind: str, month: PlannedMonth) -> pa.Table:
    """Read the rows of ``kind`` that the plan names for a month.

    Raises
    ------
    LakeError
        If they are not there, not readable, or not as many as the plan says.
    """
    rows = {"bars": month.bars, "quarantine": month.quarantine}[kind]
    if not rows:
        return KINDS[kind].empty_table()
    path = _path(plan_path.removesuffix(f"/{PLAN}"), kind, month.month)
    try:
        table = conform(lake.read_table(path), KINDS[kind], path)
    except FileNotFoundError:
        raise LakeError(f"{lake.url}/{path} is not there, though {PLAN} names it; run the check again") from None
    if table.num_rows != rows:
        raise LakeError(f"{lake.url}/{path} holds {table.num_rows} rows, {PLAN} says {rows}; run the check again")
    return table


def write_plan(lake: Lake, plan: Plan) -> str:
    """Store the plan, which makes everything staged before it valid, and return its path."""
    path = f"{folder_of(plan.run)}/{PLAN}"
    lake.write(path, json.dumps(asdict(plan), indent=1, sort_keys=True).encode())
    return path


def read_plan(lake: Lake, path: str) -> Plan:
    """Read a plan.

    Raises
    ------
    LakeError
        If it is not there (it was published already, or its check did not end) or is no plan.
    """
    try:
        raw = json.loads(lake.read(path))
        months = tuple(
            PlannedMonth(parse_month(month["month"]), tuple(month["symbols"]), month["bars"], month["quarantine"], tuple(month["held"]))
            for month in raw["months"]
        )
        timeframe_length(raw["timeframe"])
        return Plan(
            raw["run"],
            raw["source"],
            raw["timeframe"],
            months,
            {symbol: Cause(**raw["held"][symbol]) for month in months for symbol in month.held},
        )
    except FileNotFoundError:
        raise LakeError(f"{lake.url}/{path} is not there: it was published already or its check did not end; run the check again") from None
    except (ValueError, KeyError, TypeError, ConfigurationError) as error:
        raise LakeError(f"{lake.url}/{path} is damaged ({error}); run the check again") from error


def clear(lake: Lake, folder: str) -> None:
    """Remove a run's staging, the plan first, so that no plan is left without its tables."""
    lake.delete(f"{folder}/{PLAN}")
    lake.delete_folder(folder)


def _path(folder: str, kind: str, month: str) -> str:
    return f"{folder}/{kind}/{month}.parquet"
