"""Short waits are slept, long ones are handed on."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from include.results.migrate import migrate
from marketmill.quota.clock import to_datetime
from marketmill.quota.errors import QuotaWait, SnapshotLimitError
from marketmill.quota.ledger import Ledger
from marketmill.quota.requests import Job, Request
from marketmill.quota.spending import Quota
from tests.results_database import engine_of
from tests.unit.marketmill.quota.hammer import BEGIN, SECOND, ManualClock


@pytest.fixture
def engine(database_url: str) -> Engine:
    engine = engine_of(database_url)
    migrate(engine)
    return engine


def test_a_short_wait_is_slept(engine: Engine) -> None:
    clock = ManualClock()
    quota = Quota(Ledger(engine, clock), "ibkr", interval=1.5)
    for _ in range(3):
        quota.settle(quota.acquire(Request()))
    assert clock.time == BEGIN + 3 * SECOND


def test_a_long_wait_is_handed_on_and_the_place_kept(engine: Engine) -> None:
    clock = ManualClock()
    quota = Quota(Ledger(engine, clock), "ibkr", interval=20)
    quota.settle(quota.acquire(Request()))
    clock.sleep(1)
    quota.ledger.block("ibkr", timedelta(seconds=31), "pacing violation")
    with pytest.raises(QuotaWait, match=r"^ibkr: wait until .* UTC \(pacing violation\)$") as caught:
        quota.acquire(Request())
    assert caught.value.until == to_datetime(BEGIN) + timedelta(seconds=32)
    assert clock.time == BEGIN + SECOND, "it did not sleep in vain"
    clock.sleep(31)
    with pytest.raises(QuotaWait) as other:
        Quota(quota.ledger, "ibkr", interval=60).acquire(Request())
    assert other.value.until > caught.value.until
    quota.acquire(Request(id=caught.value.request_id))
    assert clock.time == BEGIN + 32 * SECOND


def test_patience_is_for_the_whole_of_a_request(engine: Engine) -> None:
    """Open requests are asked after each second; a worker is not held by that for hours."""
    clock = ManualClock()
    quota = Quota(Ledger(engine, clock), "ibkr")
    for _ in range(50):
        quota.acquire(Request())
    with pytest.raises(QuotaWait, match="50 open requests"):
        quota.acquire(Request())
    assert clock.time == BEGIN + 30 * SECOND


def test_the_run_s_own_quota(engine: Engine) -> None:
    quota = Quota(Ledger(engine, ManualClock()), "yahoo", Job("run", 2))
    quota.settle(quota.acquire(Request()))
    quota.settle(quota.acquire(Request()))
    with pytest.raises(SnapshotLimitError):
        quota.acquire(Request())
