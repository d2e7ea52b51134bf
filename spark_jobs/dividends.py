"""The dividends that the lake knows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from include.actions import ActionKind, read_actions
from include.lake import Lake
from include.symbols import symbol_from_path
from spark_jobs.features.scale import Dividend


def read_dividends(lake: Lake) -> Mapping[str, tuple[Dividend, ...]]:
    """Dividends of each symbol that has any, oldest first; those that were taken back are left out.

    Raises
    ------
    LakeError
        If a file is not one of actions, or holds an amount that is none.
    """
    by_symbol = {}
    for folder in lake.folders("actions"):
        symbol = symbol_from_path(folder.removeprefix("symbol="))
        actions = [action for action in read_actions(lake, symbol) if action.kind is ActionKind.DIVIDEND and action.value > 0]
        if actions:
            by_symbol[symbol] = tuple(Dividend(int(np.datetime64(action.date, "us").astype(np.int64)), action.value) for action in actions)
    return by_symbol
