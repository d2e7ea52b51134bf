"""How long 100 days of five-minute bars of three pairs take with 50 parameter sets: simulated, and published to a lake and a database.

python -m bench.simulation          the rows of the bench
python -m bench.simulation FOLDER   simulate the bars in FOLDER, then publish the trades
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.made_bars import steady_bars
from bench.measure import run
from bench.row import row
from include.costs import costs_of
from include.lake import Lake
from include.months import month_of
from include.publish import publish_month
from include.schemas import BARS
from include.universes import Instrument, Kind, Universe

_PAIRS = ("BTC/USDT", "ETH/USDT", "POL/USDT")
_START, _STEP = datetime(2024, 5, 28, tzinfo=UTC), timedelta(minutes=5)
_GOAL = 60.0
_TOLD = "simulate.json"


def rows(quick: bool) -> list[dict[str, Any]]:  # noqa: FBT001
    """Measure; ``quick`` takes 30 days and holds them to the goal of all."""
    days = 30 if quick else 100
    with tempfile.TemporaryDirectory() as folder:
        publish_bars(Lake(folder), days)
        one = run([sys.executable, "-m", "bench.simulation", folder])
        told = json.loads(Path(folder, _TOLD).read_text(encoding="utf-8"))
    name = f"simulate {days} days of 5m bars, 3 pairs, {told['strategies']} parameter sets"
    return [
        row(f"{name}: trades in memory", told["simulated"], "s", _GOAL),
        row(f"{name}: {told['trades']:,} trades in lake and database", one.work, "s", _GOAL),
        row(f"{name}: peak memory", one.peak / 1e6, "MB"),
    ]


def publish_bars(lake: Lake, days: int) -> None:
    """Publish a random walk of each pair."""
    end = _START + timedelta(days=days)
    by_month: dict[str, list[dict[str, Any]]] = {}
    names = ("timestamp", "open", "high", "low", "close", "volume")
    told = {"adjusted_close": None, "source": "csv", "adjustment": "none", "as_of": end, "flags": None}
    for bar in steady_bars(_START, end, _STEP):
        about = dict(zip(names, bar, strict=True)) | told
        for symbol in _PAIRS:
            by_month.setdefault(month_of(bar[0]), []).append(about | {"symbol": symbol, "closed_at": bar[0] + _STEP})
    for month, part in by_month.items():
        table = pa.Table.from_pylist(part, schema=BARS)
        publish_month(lake, lake.bars("5m"), month, lambda _, table=table: table)


def simulate_and_publish(folder: Path) -> None:
    """Load the libraries, say that they are loaded, simulate, publish."""
    from include.results.address import parse_address
    from include.results.engine import open_engine
    from include.results.migrate import migrate
    from ml.dataset import Source
    from ml.simulation.rules import strategies
    from ml.simulation.run import Run, simulate
    from ml.simulation.store import publish_simulated

    lake, engine = Lake(str(folder)), open_engine(parse_address(f"sqlite:///{folder}/results.db", folder))
    migrate(engine)
    pairs = tuple(Instrument(symbol=name, name=name, kind=Kind.CRYPTO, calendar="24/7", trades_volume=True) for name in _PAIRS)
    deciders = list(strategies())
    print("ready", flush=True)
    began = time.monotonic()
    simulated = simulate(
        Source(lake, Universe(name="crypto", description="made", instruments=pairs), "5m"), Run("rules", deciders, costs_of("crypto"))
    )
    told = {"simulated": time.monotonic() - began, "trades": len(simulated.trades), "strategies": len(deciders)}
    publish_simulated(lake, engine, simulated)
    (folder / _TOLD).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        simulate_and_publish(Path(sys.argv[1]))
    else:
        print(json.dumps(rows(quick=False), indent=1))
