"""Real processes that share one ledger: no rule is ever broken, nobody starves, and the dead hold nothing for long."""

import os
import signal
import time
from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from include.results.migrate import migrate
from marketmill.quota.client_ids import lease_client_id
from marketmill.quota.ledger import Ledger
from marketmill.quota.requests import Granted, Request, Wait
from marketmill.quota.rules import Open
from marketmill.quota.vendors import BackOff, Limits
from tests.results_database import engine_of, fresh_processes
from tests.unit.marketmill.quota.hammer import (
    SECOND,
    Plan,
    binance_request,
    hammer,
    hold_and_hang,
    ibkr_request,
    most_in_any_window,
    most_open,
    plain_request,
)

FEW = {"vendor": Limits((Open("3 open requests", 3),), timedelta(seconds=1.5), BackOff(timedelta(seconds=1), timedelta(seconds=8)))}


@pytest.fixture
def url(database_url: str) -> str:
    migrate(engine_of(database_url))
    return database_url


def test_ibkr_never_sees_a_rule_broken_and_waits_no_longer_than_it_must(url: str) -> None:
    sent = hammer(url, "ibkr", ibkr_request, Plan(2000, latency=5.0))
    assert most_in_any_window(((row.arrived, row.request.weight) for row in sent), 600) <= 60
    by_key, by_contract = defaultdict(list), defaultdict(list)
    for row in sent:
        by_key[row.request.key].append((row.arrived, 1))
        by_contract[row.request.contract].append((row.arrived, row.request.weight))
    assert max(most_in_any_window(rows, 15) for rows in by_key.values()) == 1
    assert max(most_in_any_window(rows, 2) for rows in by_contract.values()) <= 5
    granted = sorted(row.granted for row in sent)
    assert min(b - a for a, b in pairwise(granted)) >= SECOND
    assert most_open(sent) <= 50
    # In 2000 s four windows can be filled.
    assert sum(row.request.weight for row in sent) >= 4 * 60 * 0.95


def test_each_process_gets_its_fair_share(url: str) -> None:
    # The first process comes back late each time; without a queue the others would take its turns.
    shares = Counter(row.process for row in hammer(url, "ibkr", plain_request, Plan(1900, latency=1.0, late=1.0)))
    mean = shares.total() / 4
    assert len(shares) == 4
    assert all(0.8 * mean <= share <= 1.2 * mean for share in shares.values()), shares


def test_binance_never_sees_a_minute_above_the_planned_weight(url: str) -> None:
    sent = hammer(url, "binance", binance_request, Plan(200, latency=0.5))
    weights: Counter[int] = Counter()
    for row in sent:
        weights[row.arrived // (60 * SECOND)] += row.request.weight
    assert max(weights.values()) <= 6000 * 0.88
    # The full minutes are used.
    assert sorted(weights.values())[-2] >= 6000 * 0.8


def test_what_a_killed_process_held_is_free_after_its_lease(url: str, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    lease = FEW["vendor"].lease
    holder = fresh_processes().Process(target=hold_and_hang, args=(url, FEW, 3, lease, ready))
    holder.start()
    for _ in range(600):
        if ready.exists() and ready.read_text(encoding="utf-8"):
            break
        time.sleep(0.05)
    assert ready.read_text(encoding="utf-8") == "190"
    ledger = Ledger(engine_of(url), limits=FEW)
    # While it lives its client id is renewed beyond the length of the lease.
    time.sleep(2)
    assert _client_id(ledger) == 191
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    assert _client_id(ledger) == 191
    time.sleep(1.6)
    assert _client_id(ledger) == 190
    assert isinstance(ledger.reserve("vendor", Request()), Granted)


def _client_id(ledger: Ledger) -> int:
    with lease_client_id(ledger._engine, ledger.clock, 190) as client_id:
        return client_id


def test_open_requests_of_a_living_process_are_not_taken(url: str) -> None:
    ledger = Ledger(engine_of(url), limits=FEW)
    granted = [ledger.reserve("vendor", Request()) for _ in range(3)]
    request = Request()
    answer = ledger.reserve("vendor", request)
    assert isinstance(answer, Wait)
    assert answer.reason == "3 open requests"
    assert isinstance(granted[0], Granted)
    ledger.settle(granted[0])
    assert isinstance(ledger.reserve("vendor", Request()), Wait), "the one before it comes first"
    assert isinstance(ledger.reserve("vendor", request), Granted)
