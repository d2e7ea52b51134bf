"""Each fault of TWS: the right outcome, nothing landed of it, and complete bars after a rerun; no rule ever broken."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from include.landing import list_landed
from marketmill.fetch import fetch_batch
from marketmill.outcomes import Data, RateLimited, Transient
from tests.servers.tws import Fault
from tests.servers.tws.refusals import OTHER_SESSION, TIME_LENGTH, TOO_MANY_LINES, TOO_MANY_OPEN, UNKNOWN_CONTRACT
from tests.unit.marketmill.hooks.ibkr_stand_in import NEW_YEAR, held, index_mill, instrument, landed, mill, plan
from tests.unit.servers.tws.real_bars import index_days

__all__ = ["index_mill"]

START, END = datetime(2018, 1, 1, tzinfo=UTC), datetime(2019, 1, 1, tzinfo=UTC)
WANTED = plan("^GSPC", start=START, end=END)


def said(code: int, text: str, request: str = "history") -> Fault:
    return Fault("error", request=request, code=code, text=text)


FAULTS = [
    (Fault.pacing(), "rate_limited", "Pacing violation, waiting until 2019-01-02 03:01:00 UTC"),
    (said(162, TOO_MANY_OPEN), "rate_limited", "simultaneous"),
    (Fault.localised("es"), "transient", "IBKR answers 162: Mensaje de error"),
    (Fault.localised("zh"), "transient", "IBKR answers 162: "),
    (said(162, "something that nobody has seen before"), "transient", "IBKR answers 162: something"),
    (said(162, OTHER_SESSION), "permanent", "different IP address"),
    (said(162, TIME_LENGTH.replace("length", "LENGTH")), "complete", ""),
    (said(200, UNKNOWN_CONTRACT), "transient", "IBKR answers 200"),
    (said(200, UNKNOWN_CONTRACT, "contract_details"), "transient", "IBKR answers 200"),
    (said(321, "Error validating request.-'bN' : cause - Please enter exchange"), "permanent", "Please enter exchange"),
    (said(354, "Requested market data is not subscribed."), "permanent", "not subscribed"),
    (said(101, TOO_MANY_LINES), "transient", "101"),
    (said(504, "Not connected\n\x1b[31m" + "x" * 5000), "transient", "IBKR answers 504: Not connected  [31mxxx"),
    (Fault("silent"), "transient", "within 0.5 s"),
    (Fault("silent", request="contract_details"), "transient", "within 0.5 s"),
    (Fault("slow", seconds=0.2), "complete", ""),
    (Fault("slow", seconds=1), "transient", "within 0.5 s"),
    (Fault("drop"), "transient", "Socket disconnect"),
    (Fault("drop", request="contract_details"), "transient", "Socket disconnect"),
    (Fault("truncated"), "transient", "within 0.5 s"),
    (Fault("garbage"), "transient", "within 0.5 s"),
    (Fault("garbage", request="contract_details"), "transient", "within 0.5 s"),
    (Fault("drop", request="connect"), "unreachable", "no TWS or IB Gateway answers at 127.0.0.1:"),
    (Fault("silent", request="connect"), "unreachable", "(no answer within 0.5 s): start it with API clients allowed"),
    (Fault("client_id_in_use", request="connect"), "complete", ""),
]


@pytest.mark.parametrize(
    ("fault", "state", "words"),
    FAULTS,
    ids=[f"{fault.kind}-{fault.request}-{fault.code}-{number}" for number, (fault, *_) in enumerate(FAULTS)],
)
def test_a_fault_is_named_and_a_rerun_completes(index_mill, lake, fault: Fault, state: str, words: str) -> None:
    index_mill.server.faults.add(fault)
    index_mill.wait_at_most(0.5 if "within" in words or fault.request == "connect" else 20)
    [first] = fetch_batch(lake, index_mill.hook(), WANTED)
    assert first.state == state
    assert words in first.reason
    assert len(first.reason) < 500
    if state != "complete":
        assert list_landed(lake, "ibkr", "1d", "^GSPC") == [], "nothing of a failed answer lands"
    index_mill.server.advance(61)
    index_mill.wait_at_most(20)
    [second] = fetch_batch(lake, index_mill.hook(), WANTED)
    assert second.state == "complete"
    assert landed(lake, "^GSPC", "1d", START, END) == held(index_days(), START, END)
    assert index_mill.server.violations() == []
    assert index_mill.server.client_ids == set()


def test_one_symbol_that_fails_does_not_stop_the_others(tmp_path, monkeypatch, lake) -> None:
    symbols = ["AAPL", "MSFT", "JPM"]
    with mill({symbol: {"1d": index_days()} for symbol in symbols}, NEW_YEAR, tmp_path, monkeypatch) as running:
        running.server.faults.add(Fault("silent", symbol="MSFT", times=None))
        running.wait_at_most(1)
        results = fetch_batch(lake, running.hook(), plan(*symbols, start=START, end=END))
        assert [result.state for result in results] == ["complete", "transient", "complete"]
        assert [entry.outcome for entry in running.histories()] == ["answered", "cancelled", "answered"]
        running.server.faults.clear()
        running.wait_at_most(20)
        running.server.forget()
        assert [result.asked for result in fetch_batch(lake, running.hook(), plan(*symbols, start=START, end=END))] == [0, 1, 0]
        assert len(running.histories()) == 1


def test_after_a_drop_the_next_symbol_finds_a_new_connection(tmp_path, monkeypatch, lake) -> None:
    symbols = ["AAPL", "MSFT"]
    with mill({symbol: {"1d": index_days()} for symbol in symbols}, NEW_YEAR, tmp_path, monkeypatch) as running:
        running.server.faults.add(Fault("drop"))
        results = fetch_batch(lake, running.hook(), plan(*symbols, start=START, end=END))
        assert [result.state for result in results] == ["transient", "complete"]
        assert running.server.violations() == []


def test_a_client_id_of_another_program_is_passed_over(index_mill, lake) -> None:
    index_mill.server.faults.add(Fault("client_id_in_use", request="connect", times=3))
    fetch_batch(lake, index_mill.hook(client_id=205), WANTED)
    assert {entry.client_id for entry in index_mill.server.requests()} == {208}


def test_nobody_at_the_address(index_mill, lake, monkeypatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_IBKR_DEFAULT", '{"conn_type": "ibkr", "host": "127.0.0.1", "port": 1}')
    [result] = fetch_batch(lake, index_mill.hook(), WANTED)
    assert result.state == "unreachable"
    assert result.reason == (
        "no TWS or IB Gateway answers at 127.0.0.1:1 (connection refused): start it with API clients allowed, or correct the "
        "connection ibkr_default, then run the same again"
    )


def test_lost_connectivity_of_tws_is_named(index_mill) -> None:
    index_mill.wait_at_most(1)
    hook = index_mill.hook()
    assert isinstance(hook.fetch(instrument("^GSPC"), "1d", START, END), Data)
    index_mill.server.faults.add(Fault("silent"))
    index_mill.server.broadcast(1100)
    outcome = hook.fetch(instrument("^GSPC"), "1d", START, END)
    assert isinstance(outcome, Transient)
    assert "TWS has lost its connection to IBKR" in outcome.reason
    index_mill.server.broadcast(1102)
    assert isinstance(hook.fetch(instrument("^GSPC"), "1d", START, END), Data)
    hook.close()


def test_a_pacing_complaint_holds_everybody_back(index_mill) -> None:
    index_mill.server.faults.add(Fault.pacing())
    hook, other = index_mill.hook(), index_mill.hook()
    assert isinstance(hook.fetch(instrument("^GSPC"), "1d", START, END), RateLimited)
    outcome = other.fetch(instrument("^GSPC"), "1d", START, END)
    hook.close()
    other.close()
    assert isinstance(outcome, RateLimited)
    assert outcome.until == datetime(2019, 1, 2, 3, 1, 0, tzinfo=UTC)
    assert len(index_mill.histories()) == 1


def test_waits_that_are_long_are_left_to_the_operator(index_mill) -> None:
    hook = index_mill.hook(patience=timedelta(seconds=5))
    assert isinstance(hook.fetch(instrument("^GSPC"), "1d", START, END), Data)
    outcome = hook.fetch(instrument("^GSPC"), "1d", START, END)  # identical, within 15 seconds
    hook.close()
    assert isinstance(outcome, RateLimited)
    assert "identical" in outcome.reason
    assert len(index_mill.histories()) == 1


def test_restated_history_is_taken_by_a_forced_fetch(index_mill, lake) -> None:
    fetch_batch(lake, index_mill.hook(), WANTED)
    halved = [(row[0], *(value / 2 for value in row[1:5]), row[5] * 2) for row in index_days()]
    index_mill.server.replace("^GSPC", "1d", halved)
    index_mill.server.advance(60)
    again = plan("^GSPC", start=START, end=END)
    fetch_batch(lake, index_mill.hook(), type(again)(**(again.__dict__ | {"since": datetime.now(UTC).isoformat()})))
    assert landed(lake, "^GSPC", "1d", START, END) == held(halved, START, END)
    assert len(list_landed(lake, "ibkr", "1d", "^GSPC")) == 2, "the first answer is still there"


def test_a_price_that_is_no_number_is_null_and_the_row_stays(tmp_path, monkeypatch) -> None:
    rows = [(row[0], None if row[0].day == 3 else row[1], *row[2:6]) for row in index_days()]
    with mill({"^GSPC": {"1d": rows}}, NEW_YEAR, tmp_path, monkeypatch) as running:
        hook = running.hook()
        outcome = hook.fetch(instrument("^GSPC"), "1d", START, END)
        hook.close()
    assert isinstance(outcome, Data)
    opens = {row["timestamp"]: row["open"] for row in outcome.rows.to_pylist()}
    assert len(opens) == 251
    assert {moment for moment, value in opens.items() if value is None} == {moment for moment in opens if moment.day == 3}


def test_a_session_that_is_closed_leaves_no_thread(index_mill) -> None:
    before = set(threading.enumerate())
    hook = index_mill.hook()
    hook.fetch(instrument("^GSPC"), "1d", START, END)
    assert {thread.name for thread in set(threading.enumerate()) - before} >= {"ibkr", "lease-190"}
    hook.close()
    hook.close()
    assert {thread.name for thread in set(threading.enumerate()) - before} <= {"tws stand-in"}
