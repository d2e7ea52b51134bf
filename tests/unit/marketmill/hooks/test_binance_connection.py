"""The connection ``binance_default``: optional, checked, and silent about its secrets."""

from __future__ import annotations

import json
import logging

import pytest
from airflow.sdk import Connection

from include.errors import ConfigurationError
from marketmill.hooks.binance import BinanceHook
from marketmill.hooks.binance_connection import BULK, REST, BinanceAccess, read_access
from marketmill.outcomes import Permanent
from tests.servers.http.faults import Fault
from tests.unit.marketmill.hooks.binance_market import day, instrument, open_market, walk

KEY, SECRET = "the-key-of-nobody", "the-secret-of-nobody"
BARS = {"BTC/USDT": {"1h": walk("2024-05-01", "2024-06-01")}}


def connection(**fields):
    return Connection(conn_id="binance_default", conn_type="binance", **fields)


def test_empty_fields_are_the_public_addresses():
    assert read_access(connection()) == BinanceAccess(REST, BULK)
    assert read_access(connection(host="", extra='{"bulk_url": "", "use_bulk": null}')) == BinanceAccess(REST, BULK)


def test_what_the_fields_mean():
    extra = json.dumps({"bulk_url": "http://mirror:8080/", "use_bulk": True})
    access = read_access(connection(host=" https://data-api.binance.vision/api/v3/ ", login=KEY, password=SECRET, extra=extra))
    assert (access.rest, access.bulk) == ("https://data-api.binance.vision", "http://mirror:8080")
    assert (access.key, access.secret) == (KEY, SECRET)
    assert read_access(connection(extra='{"use_bulk": false}')).bulk is None


@pytest.mark.parametrize(
    "host", ["api.binance.com", "ftp://api.binance.com", "https://", f"https://me:{SECRET}@host", "http://host:99999", "https://[::1"]
)
def test_a_wrong_address_is_refused_without_being_shown(host):
    with pytest.raises(ConfigurationError, match="the REST address of the Binance connection is not of the form") as refused:
        read_access(connection(host=host))
    assert SECRET not in str(refused.value)
    with pytest.raises(ConfigurationError, match="the address of the bulk files"):
        read_access(connection(extra=json.dumps({"bulk_url": host})))


def test_use_bulk_is_yes_or_no():
    with pytest.raises(ConfigurationError, match="use_bulk of the Binance connection is neither true nor false"):
        read_access(connection(extra='{"use_bulk": "perhaps"}'))


def test_a_wrong_connection_is_one_sentence(monkeypatch, tmp_path, lake):
    with open_market(monkeypatch, tmp_path, BARS, "2024-07-02") as market:
        monkeypatch.setenv("AIRFLOW_CONN_BINANCE_DEFAULT", '{"conn_type": "binance", "host": "nowhere"}')
        fetched = market.fetch(lake, "BTC/USDT", "1h", "2024-05-01", "2024-06-01")
        assert fetched.state == "permanent"
        assert fetched.reason.startswith("the REST address of the Binance connection is not of the form")
        assert market.hook().test_connection() == (False, fetched.reason)


def test_the_button_of_the_form(monkeypatch, tmp_path):
    with open_market(monkeypatch, tmp_path, BARS, "2024-07-02") as market:
        assert market.hook().test_connection() == (True, f"{market.rest.address} answers, the bulk files at {market.bulk.address} too")
        market.bulk.faults.add(Fault("drop"))
        assert market.hook().test_connection() == (False, f"{market.bulk.address}: no answer (ConnectionError)")
        market.connect(use_bulk=False)
        assert market.hook().test_connection() == (True, f"{market.rest.address} answers, bulk files are not used")
        market.rest.faults.add(Fault("garbage", times=None))
        assert market.hook().test_connection() == (False, f"{market.rest.address}: the answer is not Binance's")


def test_no_secret_reaches_a_log_an_error_or_the_wire(monkeypatch, tmp_path, caplog, capfd):
    with open_market(monkeypatch, tmp_path, BARS, "2024-07-02") as market, caplog.at_level(logging.DEBUG):
        fields = {"conn_type": "binance", "host": market.rest.address, "login": KEY, "password": SECRET, "extra": {"use_bulk": False}}
        monkeypatch.setenv("AIRFLOW_CONN_BINANCE_DEFAULT", json.dumps(fields))
        hook, outcomes = market.hook(), []
        for status in (400, 404, 500, 451, 429):
            market.rest.faults.add(Fault("status", "/klines", status=status, times=3 if status == 500 else 1))
            outcomes.append(hook.fetch(instrument("BTC/USDT"), "1h", day("2024-05-01"), day("2024-06-01")))
        assert any(isinstance(outcome, Permanent) for outcome in outcomes)
        said = caplog.text + "".join(capfd.readouterr()) + repr(outcomes) + repr(hook._access)
        assert "klines" in said, "the log was seen at all"
        for word in (KEY, SECRET):
            assert word not in said
            assert all(word not in json.dumps(entry.query) for entry in market.rest.requests())


def test_without_a_connection_the_public_addresses_are_asked(monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_BINANCE_DEFAULT", raising=False)
    assert BinanceHook()._access == BinanceAccess()
    with pytest.raises(ConfigurationError, match="there is no Airflow connection binance_mine"):
        _ = BinanceHook("binance_mine")._access
