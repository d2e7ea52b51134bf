"""All rows that the lake holds of a dataset, table by table, whatever form the dataset has; each has the column ``symbol``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa

from include.feature_sets import read_current
from include.lake import Lake
from include.landing import read_landed
from include.option_chains import list_chains, read_chain
from include.publish import list_months, read_month
from include.schemas import ACTIONS, conform
from include.symbols import symbol_from_path

_EVER = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def held_rows(lake: Lake, dataset: str, timeframe: str) -> Iterator[pa.Table]:
    """Read one of :data:`DATASETS`; actions and option chains have no timeframe.

    Of landing those rows come that are in force: each time from the newest answer that covers it.

    Raises
    ------
    LakeError
        If a file is damaged.
    """
    return DATASETS[dataset](lake, timeframe)


def _months(path: Callable[[Lake, str], str], lake: Lake, timeframe: str) -> Iterator[pa.Table]:
    dataset = path(lake, timeframe)
    for month in list_months(lake, dataset):
        if (table := read_month(lake, dataset, month)) is not None:
            yield table


def _feature_set(lake: Lake, timeframe: str) -> str:
    return lake.features(timeframe, read_current(lake, timeframe).id)


def _landing(lake: Lake, timeframe: str) -> Iterator[pa.Table]:
    for source in _named(lake, "landing", "source"):
        for symbol in _named(lake, f"landing/source={source}/timeframe={timeframe}", "symbol"):
            yield read_landed(lake, source, timeframe, symbol_from_path(symbol), *_EVER).rows


def _actions(lake: Lake, _timeframe: str) -> Iterator[pa.Table]:
    for symbol in _named(lake, "actions", "symbol"):
        folder = lake.actions(symbol_from_path(symbol))
        yield pa.concat_tables([conform(lake.read_table(f"{folder}/{name}"), ACTIONS, name) for name in lake.files(folder)])


def _option_chains(lake: Lake, _timeframe: str) -> Iterator[pa.Table]:
    for source in _named(lake, "option_chains", "source"):
        for symbol in _named(lake, f"option_chains/source={source}", "symbol"):
            for chain in list_chains(lake, source, symbol_from_path(symbol)):
                yield read_chain(lake, chain)


def _named(lake: Lake, folder: str, key: str) -> list[str]:
    return [name.removeprefix(f"{key}=") for name in lake.folders(folder) if name.startswith(f"{key}=")]


DATASETS: dict[str, Callable[[Lake, str], Iterator[pa.Table]]] = {
    "bars": partial(_months, lambda lake, timeframe: lake.bars(timeframe)),
    "quarantine": partial(_months, lambda lake, timeframe: lake.quarantine(timeframe)),
    "features": partial(_months, _feature_set),
    "landing": _landing,
    "actions": _actions,
    "option_chains": _option_chains,
}
