"""The splits that the lake knows."""

from __future__ import annotations

import math
from collections.abc import Mapping

from include.errors import LakeError
from include.lake import Lake
from include.schemas import ACTIONS, conform
from include.symbols import symbol_from_path
from spark_jobs.features.scale import Split


def read_splits(lake: Lake) -> Mapping[str, tuple[Split, ...]]:
    """Splits of each symbol that has any, oldest first.

    Actions are append-only: where several fetches hold a split of the same day, the newest fetch is right.

    Raises
    ------
    LakeError
        If a file is not one of actions, or a ratio is not a positive number.
    """
    by_symbol = {}
    for folder in lake.folders("actions"):
        symbol = symbol_from_path(folder.removeprefix("symbol="))
        splits = _splits_of(lake, symbol)
        if splits:
            by_symbol[symbol] = splits
    return by_symbol


def _splits_of(lake: Lake, symbol: str) -> tuple[Split, ...]:
    newest: dict[int, tuple[int, float]] = {}
    folder = lake.actions(symbol)
    for name in lake.files(folder):
        path = f"{folder}/{name}"
        table = conform(lake.read_table(path), ACTIONS, f"{lake.url}/{path}")
        dates, fetches = table["date"].cast("int64").to_pylist(), table["fetched_at"].cast("int64").to_pylist()
        for action, date, fetched, ratio in zip(table["action"].to_pylist(), dates, fetches, table["value"].to_pylist(), strict=True):
            if action != "split":
                continue
            if not (math.isfinite(ratio) and ratio > 0):
                raise LakeError(f"{lake.url}/{path}: a split of {symbol} has the ratio {ratio}; it must be a positive number")
            newest[date] = max(newest.get(date, (fetched, ratio)), (fetched, ratio))
    return tuple(Split(date, newest[date][1]) for date in sorted(newest))
