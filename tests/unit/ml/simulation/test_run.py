"""Whole runs: published, run again, run in parts, killed half-way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from include.costs import Costs
from include.errors import ConfigurationError
from include.lake import Lake
from include.results.migrate import migrate
from include.results.reading import read_rows
from include.results.tables import BACKTEST_RESULTS, TRADES_SANDBOX
from include.trades import read_trades
from ml.simulation.rules import strategies
from ml.simulation.run import Run, simulate
from ml.simulation.store import publish_simulated
from tests.conftest import PROJECT
from tests.results_database import database_url, engine_of, postgresql_server
from tests.unit.ml.simulation.lake import fill_lake, source_of

__all__ = ["database_url", "postgresql_server"]
COSTS = Costs(fee=0.001, half_spread=0.0001, slippage=0, volatility_share=0.01)
RULES = ["moving_average_cross", "reversal"]


def run_of(**changes):
    return Run("rules", list(strategies(changes.pop("rules", RULES))), **{"costs": COSTS} | changes)


def stored(lake, engine, run_id):
    return read_trades(lake, run_id), read_rows(engine, TRADES_SANDBOX).drop(columns="trade_id"), read_rows(engine, BACKTEST_RESULTS)


@pytest.fixture(scope="module")
def full_lake(tmp_path_factory):
    lake = Lake(str(tmp_path_factory.mktemp("full")))
    fill_lake(lake, 730)
    return lake


def test_lake_and_database_hold_the_same_and_again_changes_nothing(full_lake, tmp_path, database_url):
    engine = engine_of(database_url)
    migrate(engine)
    lake = Lake(str(tmp_path / "lake"))
    simulated = simulate(source_of(full_lake), run_of())
    assert len(simulated.trades) > 500
    assert publish_simulated(lake, engine, simulated)
    trades, rows, backtests = stored(lake, engine, simulated.run_id)
    key = ["strategy", "symbol", "entered_at"]
    ordered = trades.drop(columns="trade_id").sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(rows.sort_values(key, ignore_index=True), ordered, check_dtype=False)
    assert len(backtests) == 7 * 2 * 4
    assert not any(month.changed for month in publish_simulated(lake, engine, simulate(source_of(full_lake), run_of())))
    again = stored(lake, engine, simulated.run_id)
    for before, after in zip((trades, rows, backtests), again, strict=True):
        pd.testing.assert_frame_equal(before, after)


def test_a_part_is_what_it_is_in_the_whole(full_lake):
    whole, part = simulate(source_of(full_lake), run_of()), simulate(source_of(full_lake), run_of(), days=200)
    assert f"{part.since:%Y-%m-%d}" == "2019-06-01"
    expected = whole.trades[whole.trades["entered_at"] >= part.since].reset_index(drop=True)
    pd.testing.assert_frame_equal(part.trades, expected)
    assert {f"{start:%Y-%m-%d}" for start in part.backtests["window_start"]} == {"2019-07-01"}


def test_a_month_that_changed_is_replaced(full_lake, tmp_path, database_url):
    engine = engine_of(database_url)
    migrate(engine)
    lake = Lake(str(tmp_path / "lake"))
    simulated = simulate(source_of(full_lake), run_of())
    few = simulated.trades[simulated.trades["entered_at"].dt.strftime("%Y-%m") != "2018-07"].iloc[::2]
    from dataclasses import replace

    publish_simulated(lake, engine, replace(simulated, trades=few))
    assert sum(month.changed for month in publish_simulated(lake, engine, simulated)) > 20
    trades, rows, _ = stored(lake, engine, simulated.run_id)
    assert len(trades) == len(rows) == len(simulated.trades)
    publish_simulated(lake, engine, replace(simulated, trades=few))
    trades, rows, _ = stored(lake, engine, simulated.run_id)
    assert len(trades) == len(rows) == len(few)


def test_other_costs_are_another_run(full_lake):
    source = source_of(full_lake)
    ids = {run.run_id(source) for run in (run_of(), run_of(costs=COSTS.model_copy(update={"fee": 0})), run_of(rules=["momentum"]))}
    assert len(ids) == 3
    assert run_of(in_sample=True).run_id(source).endswith("-in-sample")
    assert run_of().run_id(source) == run_of().run_id(source)


def test_without_bars_it_says_where_and_what_to_run(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"No data found for simulation: .*holds no 1d bars .* of BTC/USDT, ETH/USDT, POL/USDT; run the DAG"
    ):
        simulate(source_of(Lake(str(tmp_path))), run_of())


PROGRAM = """
import sys
from include.lake import Lake
from ml.simulation.run import simulate
from ml.simulation.store import publish_simulated
from tests.results_database import engine_of
from tests.unit.ml.simulation.lake import source_of
from tests.unit.ml.simulation.test_run import run_of
simulated = simulate(source_of(Lake(sys.argv[1])), run_of())
print("ready", flush=True)
publish_simulated(Lake(sys.argv[2]), engine_of(sys.argv[3]), simulated)
"""


def test_killed_half_way_and_resumed_no_trade_is_lost_or_doubled(full_lake, tmp_path, database_url):
    engine = engine_of(database_url)
    migrate(engine)
    lake = Lake(str(tmp_path / "lake"))
    expected = simulate(source_of(full_lake), run_of())
    command = [sys.executable, "-c", PROGRAM, full_lake.url, lake.url, database_url]
    draw, killed_between = random.Random(7), set()
    for _ in range(4):
        process = subprocess.Popen(command, cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)}, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0, 0.25))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
        done = len(read_rows(engine, TRADES_SANDBOX))
        killed_between.add(done)
        assert done <= len(expected.trades)
    assert any(0 < done < len(expected.trades) for done in killed_between), killed_between
    publish_simulated(lake, engine, expected)
    trades, rows, backtests = stored(lake, engine, expected.run_id)
    assert len(trades) == len(rows) == len(expected.trades)
    assert trades["trade_id"].is_unique
    assert set(trades["trade_id"]) == set(expected.trades["trade_id"])
    assert len(backtests) == len(expected.backtests)
    assert {path.suffix for path in Path(lake.root, "trades").rglob("*") if path.is_file()} == {".parquet", ".json"}
