"""Trades by real Airflow, with a SQLite file and with a PostgreSQL: killed half-way, run again, real fills beside them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from include.results.migrate import migrate
from include.results.reading import read_rows, spread
from include.results.tables import BACKTEST_RESULTS, ML_FEATURES, TRADES_SANDBOX
from include.trades import list_runs, read_trades
from tests.model_lake import real_bars, write_lake
from tests.postgresql import new_database
from tests.results_database import engine_of, postgresql_server
from tests.system.sources import Airflow

__all__ = ["postgresql_server"]
pytestmark = pytest.mark.system
FILLS = (
    "strategy,symbol,side,decided_at,entered_at,exited_at,decided_price,entry_price,exit_price,exit_decided_price,size,fees\n"
    "mine,^GSPC,long,2018-06-04T14:29:59Z,2018-06-04T14:30:00Z,2018-06-05T14:30:00Z,2740,2741,2750,2751,0.5,0.0001\n"
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def mill(request, airflow_database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Airflow, Engine]]:
    folder = tmp_path_factory.mktemp("trades")
    url = f"sqlite:///{folder / 'results.db'}"
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("postgresql_server"))
    engine = engine_of(url)
    migrate(engine)
    with Airflow(folder, {"RESULTS_URL": url}) as airflow:
        write_lake(airflow.lake, [real_bars(symbol, "2014-01-01", "2018-10-01") for symbol in ("^GSPC", "^IXIC")])
        yield airflow, engine


def count(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(TRADES_SANDBOX)).scalar_one())


def count_of(engine: Engine, run_id: str) -> int:
    return len(read_rows(engine, TRADES_SANDBOX, TRADES_SANDBOX.c.run_id == run_id))


def test_killed_half_way_and_run_again_no_trade_is_lost_or_doubled(mill):
    airflow, engine = mill
    airflow.begin("simulate_trades", universe="sample")
    patience = time.monotonic() + 240
    while not (early := count(engine)) and time.monotonic() < patience:
        time.sleep(0.02)
    airflow.kill()
    assert early > 0
    half = count(engine)
    airflow.start()
    ran = airflow.run("simulate_trades", universe="sample")
    assert ran.code == 0, ran.log[-4000:]
    (run_id,) = list_runs(airflow.lake)
    trades, rows = read_trades(airflow.lake, run_id), read_rows(engine, TRADES_SANDBOX)
    assert half < len(rows) == len(trades)
    assert set(rows["trade_id"]) == set(trades["trade_id"])
    assert trades["trade_id"].is_unique
    assert (trades["entered_at"] >= trades["decided_at"]).all()
    assert "no edge" in Path(airflow.lake.root, _page(ran.log)).read_text(encoding="utf-8")


def test_what_strategies_learn_from_is_there(mill):
    _, engine = mill
    backtests, market = read_rows(engine, BACKTEST_RESULTS), spread(read_rows(engine, ML_FEATURES))
    assert len(backtests) >= 1000
    assert backtests["strategy"].nunique() == 50
    assert (backtests["known_at"] > backtests["window_start"]).all()
    first = backtests.iloc[0]
    ends = market.loc[market["symbol"] == first["symbol"], "known_at"]
    assert ends.between(first["window_start"], first["window_end"]).sum() == 1
    assert market["rsi_14"].between(0, 100).all()


def test_costs_of_one_percent_by_hand_and_real_fills_beside(mill, tmp_path):
    airflow, engine = mill
    costs = {"fee": 0.01, "half_spread": 0, "slippage": 0, "volatility_share": 0}
    ran = airflow.run("simulate_trades", universe="sample", rules=["momentum"], costs=costs, days=365)
    assert ran.code == 0, ran.log[-4000:]
    cheap, dear = (
        read_trades(airflow.lake, run_id) for run_id in sorted(list_runs(airflow.lake), key=lambda one: count_of(engine, one), reverse=True)
    )
    assert len(dear) > 50
    free = cheap.merge(dear[["strategy", "symbol", "entered_at"]])["gross_return"]
    assert dear["gross_return"].tolist() == free.tolist()
    expected = dear["gross_return"] - 0.01 * (1 + dear["exit_price"] / dear["entry_price"])
    assert dear["net_return"].tolist() == pytest.approx(expected.tolist())
    (tmp_path / "fills.csv").write_text(FILLS, encoding="utf-8")
    ran = airflow.run("import_fills", fills_file=str(tmp_path / "fills.csv"))
    assert ran.code == 0, ran.log[-4000:]
    real = read_rows(engine, TRADES_SANDBOX, TRADES_SANDBOX.c.run_id == "fills")
    assert real["simulated"].tolist() == [False]
    assert real["entry_price"].tolist() == [2741]


def _page(log: str) -> str:
    line = next(line for line in log.splitlines() if "report: " in line and "reports/" in line)
    return "reports/" + line.split("/reports/")[1].split()[0]
