"""Faults as they arrive at the unmodified ib_insync."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest

from tests.servers.common import BarStore
from tests.servers.common_clock import AdjustableClock
from tests.servers.tws import Fault, TwsServer
from tests.servers.tws.codec import frame
from tests.unit.servers.tws.clients import ask_bars, connected, in_own_loop
from tests.unit.servers.tws.real_bars import index_days

EVENING = datetime(2018, 6, 15, 21, 0, tzinfo=UTC)


@pytest.fixture
def server():
    with TwsServer(BarStore({"^GSPC": {"1d": index_days()}}), clock=AdjustableClock(EVENING)) as running:
        yield running


def spx():
    from ib_insync import Index

    return Index("SPX", "CBOE", "USD")


async def week(ib, **options):
    return await ask_bars(ib, spx(), EVENING, "1 W", "1 day", **options)


def failure_then_success(server: TwsServer, *faults: Fault):
    """What the first request met, with the faults queued; the second must bring the bars."""

    async def work():
        async with connected(server) as ib:
            try:
                first = await week(ib, patience=0.3)
            except Exception as error:  # noqa: BLE001 - looked at by the test
                first = error
            assert len(await week(ib)) == 5
            return first

    server.faults.add(*faults)
    return in_own_loop(work)


def test_the_pacing_error(server: TwsServer) -> None:
    error = failure_then_success(server, Fault.pacing())
    assert (error.code, error.message) == (
        162,
        "Historical Market Data Service error message:Historical data request pacing violation",
    )
    assert server.violations() == []  # the client did nothing wrong


@pytest.mark.parametrize(("language", "part"), [("es", "hist\\u00f3ricos"), ("zh", "\\u5386\\u53f2")])
def test_a_localised_error_has_the_code_and_escapes(server: TwsServer, language: str, part: str) -> None:
    error = failure_then_success(server, Fault.localised(language))
    assert error.code == 162
    assert part in error.message
    assert "no data" not in error.message


def test_any_code_and_text(server: TwsServer) -> None:
    error = failure_then_success(server, Fault("error", code=200, text="No security definition has been found"))
    assert (error.code, error.message) == (200, "No security definition has been found")


def test_silence_until_the_client_cancels(server: TwsServer) -> None:
    async def work():
        async with connected(server) as ib:
            asked = asyncio.ensure_future(week(ib))
            await asyncio.sleep(0.2)
            number = ib.client._reqIdSeq - 1
            open_then = server.requests("history")[0].outcome
            ib.client.cancelHistoricalData(number)
            with pytest.raises(Exception, match=f"162: .*query cancelled: {number}"):
                await asked
            ib.client.cancelHistoricalData(number)
            await asyncio.sleep(0.1)
            return open_then, ib.seen[-1], number

    server.faults.add(Fault("silent"))
    open_then, last, number = in_own_loop(work)
    assert open_then == "open"
    assert server.requests("history")[0].outcome == "cancelled"
    assert last == (number, 366, f"No historical data query found for ticker id:{number}")


def test_the_built_in_timeout_of_ib_insync_turns_silence_into_nothing(server: TwsServer) -> None:
    async def work():
        async with connected(server) as ib:
            return list(await week(ib, timeout=0.2))

    server.faults.add(Fault("silent"))
    assert in_own_loop(work) == []  # why the hook waits by itself


@pytest.mark.parametrize("kind", ["truncated", "garbage"])
def test_a_spoiled_answer_never_becomes_bars(server: TwsServer, kind: str) -> None:
    error = failure_then_success(server, Fault(kind))
    assert isinstance(error, TimeoutError)
    assert [entry.outcome for entry in server.requests("history")] == ["garbled", "answered"]


def test_a_drop_in_the_middle_and_a_new_connection(server: TwsServer) -> None:
    async def work():
        async with connected(server) as ib:
            with pytest.raises(ConnectionError, match="Socket disconnect"):
                await week(ib)
            assert not ib.isConnected()
        async with connected(server) as ib:
            return await week(ib)

    server.faults.add(Fault("drop"))
    assert len(in_own_loop(work)) == 5
    assert [entry.outcome for entry in server.requests("history")] == ["dropped", "answered"]


def test_slow_answers_and_faults_for_one_symbol_only(server: TwsServer) -> None:
    async def work():
        async with connected(server) as ib:
            begun = time.monotonic()
            await week(ib)
            return time.monotonic() - begun

    server.faults.add(Fault.pacing(symbol="AAPL"), Fault("slow", seconds=0.3))
    assert 0.3 <= in_own_loop(work) < 2


def test_a_client_id_in_use_is_error_326_and_a_timeout(server: TwsServer) -> None:
    async def work():
        import ib_insync

        async with connected(server, client_id=7):
            second, seen = ib_insync.IB(), []
            second.errorEvent += lambda number, code, text, contract: seen.append(code)
            with pytest.raises(TimeoutError):
                await second.connectAsync(server.host, server.port, clientId=7, timeout=0.3)
            assert server.client_ids == {7}
        await asyncio.sleep(0.1)
        async with connected(server, client_id=7):  # free again
            return seen

    assert in_own_loop(work) == [326]
    assert [violation.rule for violation in server.violations()] == ["unique client id"]


@pytest.mark.parametrize("kind", ["client_id_in_use", "silent", "drop"])
def test_faults_of_connecting(server: TwsServer, kind: str) -> None:
    async def work():
        with pytest.raises((TimeoutError, ConnectionError)):
            async with connected(server, patience=0.3):
                pass
        async with connected(server) as ib:
            return await week(ib)

    server.faults.add(Fault(kind, request="connect"))
    assert len(in_own_loop(work)) == 5


def test_lost_and_restored_connectivity_is_told_to_all(server: TwsServer) -> None:
    async def work():
        async with connected(server, client_id=1) as one, connected(server, client_id=2) as two:
            server.broadcast(1100)
            server.broadcast(1102)
            await asyncio.sleep(0.2)
            assert len(await week(one)) == 5
            return [[code for _, code, _ in ib.seen] for ib in (one, two)]

    assert in_own_loop(work) == [[2104, 2106, 2158, 1100, 1102]] * 2
    assert server.requests("account_summary")  # ib_insync sends it by itself after 1102
    with pytest.raises(ValueError, match="9999 is not one of 1100"):
        server.broadcast(9999)


def test_all_connections_can_be_broken(server: TwsServer) -> None:
    async def work():
        async with connected(server) as ib:
            server.faults.add(Fault("silent"))
            asked = asyncio.ensure_future(week(ib))
            await asyncio.sleep(0.1)
            server.drop_connections()
            with pytest.raises(ConnectionError, match="Socket disconnect"):
                await asked

    in_own_loop(work)
    assert server.requests("history")[0].outcome == "disconnected"


def test_a_client_of_another_protocol_is_shut_out(server: TwsServer) -> None:
    async def work():
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 3)
        writer.close()
        return answer

    assert in_own_loop(work) == b""
    assert [violation.rule for violation in server.violations()] == ["readable messages"]


def test_the_last_message_reaches_a_client_that_floods(server: TwsServer) -> None:
    async def work():
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"API\0\0\0\0\x09v157..176" + frame(71, 2, 1, "") + frame(49, 1) * 20_000)
        answer = await asyncio.wait_for(reader.read(-1), 3)
        writer.close()
        return answer

    assert frame(4, 2, -1, 100, "Max rate of messages per second has been exceeded.", "") in in_own_loop(work)


def test_a_second_server_cannot_take_the_port(server: TwsServer) -> None:
    with pytest.raises(OSError, match="in use"), TwsServer(BarStore({}), port=server.port):
        pass
