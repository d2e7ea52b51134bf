"""The hook works wherever Airflow runs a task: threads, running loops, after a loop, in forked processes side by side."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from datetime import UTC, datetime

import pytest

from include.lake import Lake
from include.landing import list_landed
from include.results.migrate import migrate
from marketmill.fetch import Fetched, fetch_batch
from marketmill.hooks.ibkr import IbkrHook
from marketmill.outcomes import Data
from marketmill.quota.ledger import Ledger
from marketmill.quota.spending import Quota
from tests.results_database import engine_of
from tests.servers.common import BarStore
from tests.servers.common_clock import AdjustableClock
from tests.servers.tws import Fault, TwsServer, TwsSettings
from tests.unit.marketmill.hooks.ibkr_stand_in import AUGUST, StandInClock, held, index_mill, instrument, landed, plan
from tests.unit.servers.tws.real_bars import index_days, stock_minutes

__all__ = ["index_mill"]

FORK = multiprocessing.get_context("fork")
START, END = datetime(2018, 1, 1, tzinfo=UTC), datetime(2019, 1, 1, tzinfo=UTC)
JULY_29, AUGUST_6 = datetime(2026, 7, 29, tzinfo=UTC), datetime(2026, 8, 6, tzinfo=UTC)
SYMBOLS = ["AAPL", "MSFT", "JPM", "BAC", "XOM", "WMT", "NKE", "HD"]


def rows_by(hook: IbkrHook) -> int:
    try:
        outcome = hook.fetch(instrument("^GSPC"), "1d", START, END)
        assert isinstance(outcome, Data), outcome
        return outcome.rows.num_rows
    finally:
        hook.close()


def test_in_a_running_loop_after_a_loop_and_in_a_thread(index_mill) -> None:
    async def within() -> int:
        return rows_by(index_mill.hook())

    found = [rows_by(index_mill.hook()), asyncio.run(within()), rows_by(index_mill.hook())]
    thread = threading.Thread(target=lambda: found.append(rows_by(index_mill.hook())))
    thread.start()
    thread.join()
    assert found == [251] * 4


def test_the_button_of_the_connection_form(index_mill, monkeypatch) -> None:
    ok, text = index_mill.hook().test_connection()
    assert ok
    assert text.endswith("answers, protocol 176, at 2019-01-02 03:00:00 UTC")
    assert "DU0000001" not in text
    assert index_mill.server.client_ids == set()
    monkeypatch.setenv("AIRFLOW_CONN_IBKR_DEFAULT", '{"conn_type": "ibkr", "host": "127.0.0.1", "port": 1}')
    ok, text = index_mill.hook().test_connection()
    assert not ok
    assert text.startswith("no TWS or IB Gateway answers at 127.0.0.1:1 (connection refused)")
    monkeypatch.setenv("AIRFLOW_CONN_IBKR_DEFAULT", '{"conn_type": "ibkr", "host": "127.0.0.1", "port": 99999}')
    assert index_mill.hook().test_connection() == (False, "port 99999 of the IBKR connection is none; TWS paper listens on 7497")


def test_no_account_number_in_any_log(index_mill, caplog) -> None:
    caplog.set_level("DEBUG")
    rows_by(index_mill.hook())
    assert "connected to" in caplog.text
    assert "DU0000001" not in caplog.text


def own_hook(database: str) -> IbkrHook:
    return IbkrHook(quota=Quota(Ledger(engine_of(database)), "ibkr"))


def fetch_two(database: str, symbols: list[str], results) -> None:
    hook = own_hook(database)
    counts = []
    for symbol in symbols:
        outcome = hook.fetch(instrument(symbol), "1d", START, END)
        counts.append(outcome.rows.num_rows if isinstance(outcome, Data) else repr(outcome))
    hook.close()
    results.put(counts)


@pytest.fixture
def database(tmp_path) -> str:
    url = f"sqlite:///{tmp_path / 'results.db'}"
    migrate(engine_of(url))
    return url


def connect_to(server: TwsServer, monkeypatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_IBKR_DEFAULT", f'{{"conn_type": "ibkr", "host": "{server.host}", "port": {server.port}}}')


def test_processes_side_by_side_share_client_ids_and_quota(database, monkeypatch) -> None:
    results = FORK.Queue()
    tables = {symbol: {"1d": index_days()} for symbol in SYMBOLS}
    with TwsServer(BarStore(tables), settings=TwsSettings(pace_every_size=True, latency=0.1)) as server:
        connect_to(server, monkeypatch)
        workers = [FORK.Process(target=fetch_two, args=(database, SYMBOLS[number::4], results)) for number in range(4)]
        for worker in workers:
            worker.start()
        found = [results.get(timeout=60) for _ in workers]
        for worker in workers:
            worker.join(timeout=10)
        assert found == [[251, 251]] * 4
        assert [worker.exitcode for worker in workers] == [0] * 4
        assert {entry.client_id for entry in server.requests()} <= set(range(190, 194))
        assert len({entry.client_id for entry in server.requests()}) > 1
        assert server.violations() == []


def fetch_minutes(ledger: Ledger, lake: Lake) -> list[Fetched]:
    hook = IbkrHook(quota=Quota(ledger, "ibkr"))
    return fetch_batch(lake, hook, plan("AAPL", timeframe="1m", start=JULY_29, end=AUGUST_6))


def test_after_a_kill_only_what_is_missing_is_asked_for(database, lake, monkeypatch) -> None:
    clock = AdjustableClock(AUGUST, running=True)
    ledger = Ledger(engine_of(database), StandInClock(clock))
    settings = TwsSettings(pace_every_size=True)
    with TwsServer(BarStore({"AAPL": {"1m": stock_minutes()}}), clock=clock, settings=settings) as server:
        connect_to(server, monkeypatch)
        server.faults.add(Fault("silent", after=2))
        worker = FORK.Process(target=fetch_minutes, args=(ledger, lake))
        worker.start()
        deadline = time.monotonic() + 60
        while len(server.requests("history")) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        worker.kill()
        worker.join(timeout=10)
        assert len(list_landed(lake, "ibkr", "1m", "AAPL")) == 2
        server.forget()
        [at_once] = fetch_minutes(ledger, lake)
        assert at_once.state == "rate_limited", "nobody knows whether the dead one's last request was sent"
        assert server.requests("history") == []
        clock.advance(200)
        [result] = fetch_minutes(ledger, lake)
        assert (result.state, result.asked) == ("complete", 4)
        assert len(server.requests("history")) == 4
        assert landed(lake, "AAPL", "1m", JULY_29, AUGUST_6) == held(stock_minutes(), JULY_29, AUGUST_6)
        assert server.violations() == []
