"""How long a check of bars takes beyond the start of the libraries: a month of 26 symbols, and ten years of 500.

python -m bench.quality             the rows of the bench
python -m bench.quality LAKE N DAY  check what landed in LAKE for N symbols since DAY
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.measure import run
from include.calendars import exchange_calendar
from include.lake import Lake
from include.landing import Adjustment, Landed, write_landing
from include.schemas import LANDING, TIMESTAMP
from include.universes import Instrument, Kind

_END = datetime(2020, 1, 1, tzinfo=UTC)
_MONTH = datetime(2019, 12, 1, tzinfo=UTC)
_DECADE = datetime(2010, 1, 1, tzinfo=UTC)
#: One row in a thousand is wrong, so that the way of the refused rows is measured too.
_WRONG = 0.001


def rows(quick: bool) -> list[dict[str, Any]]:  # noqa: FBT001
    """Measure; ``quick`` checks a tenth of the large set and holds it to a tenth of the goal."""
    symbols = 50 if quick else 500
    measured = []
    for name, count, start, goal in (
        ("check a month of 26 symbols", 26, _MONTH, 2.0),
        (f"check ten years of {symbols} symbols", symbols, _DECADE, 60.0 * symbols / 500),
    ):
        with tempfile.TemporaryDirectory() as folder:
            land(Lake(folder), count, start)
            one = run([sys.executable, "-m", "bench.quality", folder, str(count), start.isoformat()])
        measured.append({"name": name, "value": round(one.work, 2), "unit": "s", "goal": goal, "met": one.work < goal})
        measured.append({"name": f"{name}: peak memory", "value": round(one.peak / 1e6), "unit": "MB", "goal": None, "met": None})
    return measured


def land(lake: Lake, count: int, start: datetime) -> None:
    """Land a random walk for each symbol, one answer each, over all sessions of New York up to 2020."""
    days = exchange_calendar("XNYS").sessions.to_numpy("datetime64[us]")
    days = days[(days >= np.datetime64(start.replace(tzinfo=None))) & (days < np.datetime64(_END.replace(tzinfo=None)))]
    draw = np.random.default_rng(7)
    for instrument in instruments(count):
        closes = 50 * np.exp(np.cumsum(draw.normal(0.0002, 0.015, days.size)))
        opens = closes * np.exp(draw.normal(0, 0.006, days.size))
        highs = np.maximum(opens, closes) * np.exp(np.abs(draw.normal(0, 0.006, days.size)))
        lows = np.minimum(opens, closes) * np.exp(-np.abs(draw.normal(0, 0.006, days.size)))
        highs[draw.random(days.size) < _WRONG] /= 2
        volumes = draw.integers(100_000, 900_000, days.size).astype(float)
        columns = [pa.array(days).cast(TIMESTAMP), *(pa.array(values) for values in (opens, highs, lows, closes, volumes, closes))]
        answer = Landed("csv", instrument.symbol, "1d", Adjustment.SPLIT, start, _END, _END)
        write_landing(lake, answer, pa.table(columns, schema=LANDING))


def instruments(count: int) -> tuple[Instrument, ...]:
    """Stocks of New York by number."""
    names = [f"S{number:03d}" for number in range(count)]
    return tuple(Instrument(symbol=name, name=name, kind=Kind.STOCK, calendar="XNYS", trades_volume=True) for name in names)


def check(folder: Path, count: int, start: datetime) -> None:
    """Load the libraries, say that they are loaded, check."""
    from expectations.check import CheckRequest, check_bars

    request = CheckRequest("csv", "1d", instruments(count), start, _END)
    check_bars(Lake(str(folder / "nothing")), request, run="first")  # loads all that a check loads, on no rows
    print("ready", flush=True)
    total = check_bars(Lake(str(folder)), request, run="bench").total()
    if total.fetched != total.kept + total.quarantined or not total.fetched:
        raise SystemExit(f"the check lost rows: {total}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        check(Path(sys.argv[1]), int(sys.argv[2]), datetime.fromisoformat(sys.argv[3]))
    else:
        print(json.dumps(rows(quick=False), indent=1))
