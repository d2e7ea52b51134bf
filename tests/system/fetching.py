"""Processes that fetch for themselves by the operator of the DAGs, on one clock that jumps ahead whenever all of them wait."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import datetime
from functools import partial
from multiprocessing.context import ForkServerContext
from types import SimpleNamespace
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred

from marketmill.fetch import FetchPlan
from marketmill.operators.fetch import FetchBarsOperator
from marketmill.quota import ledger
from marketmill.quota.clock import to_datetime
from marketmill.quota.vendors import LIMITS, Limits
from tests.results_database import fresh_processes
from tests.unit.marketmill.quota.hammer import SECOND, SharedClock

_RETRY_DELAY, _PATIENCE = 30, 20
#: Not ib_insync, which binds itself to the thread that it is first imported in.
_PRELOADED = ("ccxt", "exchange_calendars", "yfinance.data", "marketmill.hooks.binance", "marketmill.hooks.ibkr", "marketmill.hooks.yahoo")


class VendorClock:
    """The processes' clock as a stand-in's."""

    def __init__(self, clock: SharedClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return to_datetime(self._clock.now(None))


def shared_clock(processes: int) -> SharedClock:
    """A clock that begins with the present minute."""
    return SharedClock(_processes(), processes, int(time.time()) // 60 * 60 * SECOND, SECOND // 4)


def fetch_together(clock: SharedClock, plans: list[FetchPlan], environment: dict[str, str], limits: dict[str, Limits]) -> float:
    """Fetch each plan in a process of its own; the seconds that it took by the clock."""
    context, began = _processes(), clock.now(None)
    results = context.Queue()
    workers = [
        context.Process(target=_work, args=(number, clock, asdict(plan), environment, limits, results)) for number, plan in enumerate(plans)
    ]
    for worker in workers:
        worker.start()
    try:
        ended = []
        for _ in workers:
            symbols, moment = results.get(timeout=200)
            assert [symbol for symbol in symbols if symbol["state"] != "complete"] == []
            ended.append(moment)
    finally:
        for worker in workers:
            worker.join(timeout=5)
            worker.kill()
    return (max(ended) - began) / SECOND


def _processes() -> ForkServerContext:
    context = fresh_processes()
    context.set_forkserver_preload([__name__, *_PRELOADED])
    return context


def _work(
    number: int, clock: SharedClock, plan: dict[str, Any], environment: dict[str, str], limits: dict[str, Limits], results: Any
) -> None:
    clock.mine = number
    os.environ.update(environment)
    LIMITS.update(limits)
    ledger.DatabaseClock = lambda: clock
    symbols: list[dict[str, Any]] = [{"state": "broken off"}]
    try:
        symbols = _fetch(plan, clock)
    finally:
        results.put((symbols, clock.now(None)))
        clock.leave()


def _fetch(plan: dict[str, Any], clock: SharedClock) -> list[dict[str, Any]]:
    """What a scheduler does with the task: wait where it asks to wait, try again where it fails for now."""
    operator = FetchBarsOperator(task_id="fetch_bars", batch=plan)
    context = {
        "params": {},
        "dag": SimpleNamespace(dag_id="backfill_market"),
        "run_id": "manual__together",
        "ti": SimpleNamespace(try_number=1, max_tries=2),
    }
    again = partial(operator.execute, context)
    for _ in range(_PATIENCE):
        try:
            return again()
        except TaskDeferred as deferred:
            clock.sleep(max(0.0, deferred.trigger.moment.timestamp() - clock.now(None) / SECOND))
            again = partial(getattr(operator, deferred.method_name), context, event=None, **(deferred.kwargs or {}))
        except AirflowFailException:
            raise
        except AirflowException:
            clock.sleep(_RETRY_DELAY)
    raise TimeoutError(f"not complete after {_PATIENCE} waits and tries")
