"""Client ids: one holder each, the reserved one first, and free again when the holder is gone."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete

from include.results.engine import writing
from include.results.migrate import migrate
from include.results.quota_tables import CLIENT_IDS
from marketmill.quota.client_ids import lease_client_id
from marketmill.quota.clock import DatabaseClock, to_datetime
from marketmill.quota.errors import QuotaWait
from marketmill.quota.ledger import Ledger
from tests.results_database import engine_of
from tests.unit.marketmill.quota.hammer import BEGIN, ManualClock


@pytest.fixture
def engine(database_url: str) -> Engine:
    engine = engine_of(database_url)
    migrate(engine)
    return engine


def test_neighbours_follow_the_reserved_id_and_each_gateway_has_its_own(engine: Engine) -> None:
    ledger = Ledger(engine)
    with ledger.lease_client_id(190) as first, ledger.lease_client_id(190) as second, ledger.lease_client_id(205) as other:
        assert (first, second, other) == (190, 191, 205)
        with ledger.lease_client_id(190, gateway="127.0.0.1:4002") as elsewhere:
            assert elsewhere == 190
        with ledger.lease_client_id(190, without={192, 193}) as third:
            assert third == 194
    with ledger.lease_client_id(190) as again:
        assert again == 190


def test_tasks_that_ask_at_once_get_different_ids(engine: Engine) -> None:
    ledger = Ledger(engine)
    together = threading.Barrier(4)
    taken: list[list[int]] = [[] for _ in range(4)]

    def _lease(mine: list[int]) -> None:
        for _ in range(10):
            together.wait(30)
            with ledger.lease_client_id(190) as client_id:
                mine.append(client_id)
                together.wait(30)

    threads = [threading.Thread(target=_lease, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sorted(ids) for ids in zip(*taken, strict=True)] == [[190, 191, 192, 193]] * 10


def test_an_id_is_given_back_when_the_task_fails(engine: Engine) -> None:
    ledger = Ledger(engine)
    with pytest.raises(ZeroDivisionError), ledger.lease_client_id(190):
        raise ZeroDivisionError
    with ledger.lease_client_id(190) as client_id:
        assert client_id == 190


def test_when_all_are_taken_it_is_said_when_to_ask_again(engine: Engine) -> None:
    clock = ManualClock()
    held = [lease_client_id(engine, clock, 190) for _ in range(32)]
    assert [lease.__enter__() for lease in held] == list(range(190, 222))
    with pytest.raises(QuotaWait, match="all 32 client ids are taken") as caught, lease_client_id(engine, clock, 190):
        pass
    assert caught.value.until == to_datetime(BEGIN) + timedelta(seconds=90)
    for lease in held:
        lease.__exit__(None, None, None)


def test_a_lost_lease_is_told_and_takes_nothing_from_its_next_holder(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    clock = DatabaseClock()
    with lease_client_id(engine, clock, 190, lease=timedelta(seconds=0.3)) as client_id:
        assert client_id == 190
        # As after a sleep of the machine: the lease ran out and another task took the id.
        with writing(engine) as connection:
            connection.execute(delete(CLIENT_IDS))
        other = lease_client_id(engine, clock, 190)
        assert other.__enter__() == 190
        for thread in threading.enumerate():
            if thread.name == "lease-190":
                thread.join(0.5)
        assert "the lease of client id 190 ran out" in caplog.text
    with lease_client_id(engine, clock, 190) as third:
        assert third == 191
    other.__exit__(None, None, None)
