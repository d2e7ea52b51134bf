"""Whether anybody is there, asked of each source as a run asks it: with the ledger and the connections of the settings."""

from __future__ import annotations

import json

import pytest

from include.sources import SourceName
from marketmill.outcomes import Unreachable
from marketmill.sources import open_source
from tests.servers.common import BarStore
from tests.servers.http.binance import BinanceStandIn
from tests.servers.http.faults import Fault
from tests.servers.http.yahoo import YahooStandIn
from tests.servers.tws import TwsServer


@pytest.fixture
def nobody(monkeypatch, results):
    """Every source is led to a port at which nobody listens."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("AIRFLOW_CONN_BINANCE_DEFAULT", json.dumps({"conn_type": "binance", "host": "http://127.0.0.1:1"}))
    monkeypatch.setenv("AIRFLOW_CONN_IBKR_DEFAULT", json.dumps({"conn_type": "ibkr", "host": "127.0.0.1", "port": 1}))


@pytest.mark.parametrize("source", [SourceName.YAHOO, SourceName.BINANCE, SourceName.IBKR])
def test_each_source_says_that_it_is_out_of_reach_and_its_libraries_say_nothing(nobody, source, caplog):
    caplog.set_level("INFO")
    hook = open_source(source)
    gone = [hook.reach() for _ in range(2)]
    hook.close()
    assert gone[0] == gone[1]
    assert isinstance(gone[0], Unreachable)
    assert "then run the same again" in gone[0].reason
    assert [record.name for record in caplog.records] == []


def test_each_source_says_that_somebody_is_there_also_if_it_is_in_trouble(monkeypatch, results):
    store = BarStore({})
    with YahooStandIn(store) as yahoo, BinanceStandIn(store) as binance, TwsServer(store) as tws:
        for name, value in yahoo.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AIRFLOW_CONN_BINANCE_DEFAULT", json.dumps({"conn_type": "binance", "host": binance.address}))
        monkeypatch.setenv("AIRFLOW_CONN_IBKR_DEFAULT", json.dumps({"conn_type": "ibkr", "host": tws.host, "port": tws.port}))
        yahoo.faults.add(Fault("status", "/chart/", status=503, times=None))
        for source in (SourceName.YAHOO, SourceName.BINANCE, SourceName.IBKR):
            hook = open_source(source)
            assert hook.reach() is None
            hook.close()
        assert tws.requests("history") == []
