"""The feature job beside its peers, on made daily bars: 26, 500 and 5,000 symbols by ten years.

Every peer reads the same Parquet, makes as many of the features as it has, and writes them in single precision with lz4.
All run in turn, round after round; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.environment import FOLDER, PEERS, peers_python
from bench.measure import BenchError, Run, run
from bench.panel import TIMEFRAME, make_lake
from bench.row import median_ratio, row
from include.feature_sets import read_current
from include.lake import Lake
from include.publish import list_months, month_folder
from include.settings import PROJECT
from spark_jobs.local_java import local_java_options

#: Rounds by number of symbols.
ROUNDS = {26: 3, 500: 3, 5000: 2}
#: These take minutes at 500 symbols already.
_SLOW = ("applyInPandas", "pandas-ta-classic loop")
_GOALS = {
    500: {"polars": 1.0, "TA-Lib loop": 0.5, "applyInPandas": 0.25},
    5000: {"read and write, 2 processes": 2.0, "polars": 1 / 3},
}
_MONTH = "one month"

Runs = Mapping[str, list[Run]]


def rows(quick: bool) -> list[dict[str, Any]]:  # noqa: FBT001 (what every bench module takes)
    """Measure all sizes; the largest is left out when it must be quick."""
    measured = {symbols: _measure(symbols) for symbols in ROUNDS if not (quick and symbols > 500)}
    found = [item for symbols, runs in measured.items() for item in _rows(symbols, runs)]
    if 5000 in measured:
        growth = [big.work / small.work for big, small in zip(measured[5000]["marketmill"], measured[500]["marketmill"], strict=False)]
        found.append(row("features, work at 5,000 over work at 500 symbols", sorted(growth)[len(growth) // 2], "x", 10.5))
    return found


def _rows(symbols: int, runs: Runs) -> list[dict[str, Any]]:
    at = f"features, {symbols:,} symbols"
    ours, month = runs["marketmill"], runs[_MONTH]
    goals = _GOALS.get(symbols, {})
    small = symbols == 26
    found = [
        row(f"{at}: all ten years, wall", _middle(ours, "wall"), "s", 15.0 if small else None),
        row(f"{at}: all ten years, work without start-up", _middle(ours, "work"), "s"),
        row(f"{at}: all ten years, processor time", _middle(ours, "processor"), "s", 12.0 if small else None),
        row(
            f"{at}: all ten years, peak memory of all processes (PSS)", _middle(ours, "peak") / 1e9, "GB", 1.2 if symbols == 5000 else None
        ),
        row(f"{at}: one month, wall", _middle(month, "wall"), "s", 15.0 if small else None),
        row(f"{at}: one month, processor time", _middle(month, "processor"), "s", 12.0 if small else None),
        row(f"{at}: one month, work over that of all ten years", _ratio(month, ours), "x", 0.25 if symbols == 5000 else None),
    ]
    for name, peer in runs.items():
        if name not in ("marketmill", _MONTH):
            what = f"{at}: work over that of {name} ({peer[0].columns} features)"
            found.append(row(what, _ratio(ours, peer), "x", goals.get(name)))
    return found


def _middle(runs: list[Run], what: str) -> float:
    return float(sorted(getattr(item, what) for item in runs)[len(runs) // 2])


def _ratio(ours: list[Run], theirs: list[Run]) -> float:
    return median_ratio([item.work for item in ours], [item.work for item in theirs])


def _measure(symbols: int) -> Runs:
    lake = make_lake(FOLDER / f"lake-{symbols}", symbols)
    out = FOLDER / "out"
    contestants: dict[str, Callable[[], Run]] = {
        "marketmill": lambda: _all_years(lake),
        _MONTH: lambda: _one_month(lake),
        "read and write, 2 processes": lambda: _peer("read_and_write", lake, out, str(len(read_current(lake, TIMEFRAME).names))),
        "polars": lambda: _peer("polars_expressions", lake, out),
        "TA-Lib loop": lambda: _peer("talib_loop", lake, out),
        "pandas-ta-classic loop": lambda: _peer("pandas_ta_loop", lake, out),
        "applyInPandas": lambda: _apply_in_pandas(lake, out),
    }
    runs: dict[str, list[Run]] = defaultdict(list)
    for number in range(ROUNDS[symbols]):
        for name, contestant in contestants.items():
            if symbols > 500 and name in _SLOW:
                continue
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir(parents=True)
            os.sync()  # nobody pays for what the one before left to be written
            once = contestant()
            runs[name].append(once)
            print(
                f"bench: {symbols} symbols, round {number + 1}, {name}: wall {once.wall:.1f} s, work {once.work:.1f} s, "
                f"processor {once.processor:.1f} s, peak {once.peak / 1e9:.2f} GB",
                flush=True,
            )
    shutil.rmtree(out, ignore_errors=True)
    lake.delete_folder("features")
    return runs


def _all_years(lake: Lake) -> Run:
    lake.delete_folder("features")
    return submit(lake)


def _one_month(lake: Lake) -> Run:
    """The newest month, when all before it are built; it must come out with the bytes that it had."""
    dataset = lake.features(TIMEFRAME, read_current(lake, TIMEFRAME).id)
    folder = month_folder(dataset, list_months(lake, dataset)[-1])
    before = _bytes(Path(lake.root, folder))
    lake.delete_folder(folder)
    once = submit(lake)
    if _bytes(Path(lake.root, folder)) != before:
        raise BenchError(f"{lake.root}/{folder} came out different when it was built alone")
    return once


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def submit(lake: Lake) -> Run:
    """The job as Airflow submits it."""
    script = str(PROJECT / "spark_jobs" / "build_features.py")
    return run([
        "spark-submit", "--master", "local[2]", "--conf", f"spark.driver.extraJavaOptions={local_java_options()}",
        script, "--lake", lake.url, "--timeframe", TIMEFRAME, "--summary", "bench/summary.json",
    ])  # fmt: skip


def _peer(name: str, lake: Lake, out: Path, *more: str) -> Run:
    return run([peers_python(), str(PEERS / f"{name}.py"), lake.root, str(out), *more])


def _apply_in_pandas(lake: Lake, out: Path) -> Run:
    return run([
        "spark-submit", "--master", "local[2]", "--driver-memory", "2g", "--conf", "spark.ui.enabled=false",
        "--conf", "spark.sql.shuffle.partitions=8", "--conf", f"spark.executorEnv.PYTHONPATH={os.environ['PYTHONPATH']}",
        str(PEERS / "apply_in_pandas.py"), lake.root, str(out),
    ])  # fmt: skip


if __name__ == "__main__":
    from bench.page import table

    print(table(rows(quick="--quick" in sys.argv)))
