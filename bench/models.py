"""How long it takes to train every model on ten years of 26 symbols, one after the other in one process, as ``train_models`` does.

The bars are made: a common and an own part of each return, with a volatility that comes and goes in spells; ^VIX tells the common one.

python -m bench.models [--quick]       the rows of the bench
python -m bench.models FOLDER MODEL..  train the models on the lake in FOLDER
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.features import submit
from bench.measure import run
from bench.published_bars import bars_table, publish
from bench.row import row
from include.calendars import closed_at, exchange_calendar
from include.lake import Lake
from include.universes import Instrument, load_universe
from ml.catalog import BACKTESTS, CATALOG

_UNIVERSE = "global26"
_FIRST, _LAST = "2014-01-02", "2023-12-29"
_GOAL = 600.0
_TOLD = "models.json"
_SESSIONS = 252


def rows(quick: bool) -> list[dict[str, Any]]:  # noqa: FBT001
    """Measure; ``quick`` leaves out the networks, and says nothing of all."""
    names = [name for name, entry in CATALOG.items() if entry.learns_from != BACKTESTS and not (quick and "keras" in entry.libraries)]
    with tempfile.TemporaryDirectory() as folder:
        publish_bars(Lake(folder))
        submit(Lake(folder))
        environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
        one = run([sys.executable, "-m", "bench.models", folder, *names], environment)
        told = json.loads(Path(folder, _TOLD).read_text(encoding="utf-8"))
    at = "train on 26 symbols, ten years"
    every = (
        []
        if quick
        else [row(f"{at}: all {len(told)} models, wall", one.wall, "s", _GOAL), row(f"{at}: all, processor", one.processor, "s")]
    )
    return [*every, *(row(f"{at}: {name}, wall", seconds, "s") for name, seconds in told.items())]


def publish_bars(lake: Lake) -> None:
    """Publish the sessions of each symbol of the universe, month by month."""
    instruments = load_universe(_UNIVERSE).instruments
    draw = np.random.default_rng(7)
    days = {name: exchange_calendar(name).sessions_in_range(_FIRST, _LAST) for name in sorted({item.calendar for item in instruments})}
    span = np.arange(np.datetime64(_FIRST), np.datetime64(_LAST) + 1)
    spells = np.zeros(span.size)
    for place, shock in enumerate(draw.normal(0, 0.08, span.size - 1), start=1):
        spells[place] = 0.97 * spells[place - 1] + shock
    volatility = 0.011 * np.exp(spells)
    common = 0.0003 + volatility * draw.normal(0, 1, span.size)
    tables = []
    for instrument in instruments:
        places = np.searchsorted(span, days[instrument.calendar].to_numpy("datetime64[D]"))
        own = 0.7 * common[places] + volatility[places] * draw.normal(0, 0.8, places.size)
        closes = 100 * np.exp(np.cumsum(own)) if instrument.trades_volume else 100 * np.sqrt(_SESSIONS) * volatility[places]
        tables.append(_bars(instrument, days[instrument.calendar].tz_localize("UTC").as_unit("us"), closes, volatility[places], draw))
    table = pa.concat_tables(tables)
    months = np.array([f"{stamp:%Y-%m}" for stamp in table["timestamp"].to_pylist()])
    for month in np.unique(months):
        publish(lake, "1d", str(month), table.filter(pa.array(months == month)))


def train_all(folder: Path, names: list[str]) -> None:
    """Train, and tell the seconds of each that the universe has something for."""
    import time

    from include.errors import UnsuitableError
    from ml.training import train

    told = {}
    for name in names:
        began = time.monotonic()
        try:
            train(Lake(str(folder)), name, universe=_UNIVERSE, seed=7)
        except UnsuitableError:
            continue
        told[name] = time.monotonic() - began
    (folder / _TOLD).write_text(json.dumps(told), encoding="utf-8")


def _bars(instrument: Instrument, stamps: Any, closes: np.ndarray, volatility: np.ndarray, draw: np.random.Generator) -> pa.Table:
    size = closes.size
    opens = closes * np.exp(volatility * draw.normal(0, 0.5, size))
    highs, lows = (
        bound(opens, closes) * np.exp(sign * np.abs(volatility * draw.normal(0, 0.6, size)))
        for bound, sign in ((np.maximum, 1), (np.minimum, -1))
    )
    volumes = draw.integers(100_000, 900_000, size).astype(float) * instrument.trades_volume
    numbers = (opens, highs, lows, closes, volumes, closes)
    return bars_table(np.repeat(instrument.symbol, size), stamps, closed_at(instrument.calendar, "1d", stamps), numbers)


if __name__ == "__main__":
    if sys.argv[1:] in ([], ["--quick"]):
        print(json.dumps(rows(quick="--quick" in sys.argv), indent=1))
    else:
        train_all(Path(sys.argv[1]), sys.argv[2:])
