"""The parts of the source ``ibkr`` that need no server: connection, contracts, error codes, sessions, chunks."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from include.errors import ConfigurationError
from include.universes import Instrument, Kind, load_universe
from marketmill.hooks.ibkr import IbkrHook
from marketmill.hooks.ibkr_connection import CONNECTION_TYPE, Gateway, read_gateway
from marketmill.hooks.ibkr_contracts import Listing, listing_of
from marketmill.hooks.ibkr_errors import Meaning, RefusedError, meaning_of
from marketmill.hooks.ibkr_history import STEPS
from marketmill.hooks.ibkr_sessions import Sessions
from tests.servers.tws.refusals import LOCALISED, PACING, TIME_LENGTH, TOO_MANY_OPEN, cancelled, no_data


def connection(**fields) -> Connection:
    extra = json.dumps(fields.pop("extra", {}))
    return Connection(conn_id="ibkr_default", conn_type="ibkr", extra=extra, **fields)


def test_an_empty_connection_means_tws_with_a_paper_account_on_this_machine() -> None:
    assert read_gateway(connection()) == Gateway("127.0.0.1", 7497, None, 60.0)


def test_all_fields_of_a_connection() -> None:
    given_ = connection(host=" gateway.local ", port=4002, extra={"client_id": "205", "timeout": 5})
    assert read_gateway(given_) == Gateway("gateway.local", 4002, 205, 5.0)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"host": "a b"}, "host"),
        ({"host": "user:pass@x"}, "host"),
        ({"port": 0}, "port 0"),
        ({"port": 70000}, "port 70000"),
        ({"extra": {"client_id": 0}}, "client_id 0"),
        ({"extra": {"client_id": 1.5}}, "no whole number"),
        ({"extra": {"client_id": "x"}}, "client_id of the IBKR connection is no number"),
        ({"extra": {"client_id": 2**40}}, "client_id"),
        ({"extra": {"timeout": "nan"}}, "timeout of the IBKR connection is no number"),
        ({"extra": {"timeout": [1]}}, "timeout of the IBKR connection is no number"),
        ({"extra": {"timeout": 0}}, "timeout 0.0"),
        ({"extra": {"timeout": 1000}}, "up to 150 s"),
    ],
)
def test_a_wrong_field_of_a_connection_is_named(fields, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_gateway(connection(**fields))
    assert "pass" not in str(caught.value)


def test_the_form_is_what_airflow_takes() -> None:
    from pathlib import Path

    import airflow

    schema = json.loads(Path(airflow.__file__).with_name("provider_info.schema.json").read_text())
    assert list(Draft7Validator(schema["properties"]["connection-types"]).iter_errors([CONNECTION_TYPE])) == []
    assert CONNECTION_TYPE["hook-class-name"] == f"{IbkrHook.__module__}.{IbkrHook.__qualname__}"
    assert CONNECTION_TYPE["connection-type"] == IbkrHook.conn_type


def test_every_instrument_of_the_universes_has_a_contract() -> None:
    named = {item.symbol: listing_of(item) for name in ("core5", "global26") for item in load_universe(name).instruments}
    assert named["^VIX"] == Listing("VIX", "IND", "CBOE", "USD")
    assert named["^GSPC"] == Listing("SPX", "IND", "CBOE", "USD")
    assert named["^NSEI"] == Listing("NIFTY50", "IND", "NSE", "INR")
    assert named["META"] == Listing("META", "STK", "SMART", "USD")
    assert len(named) == 29


@pytest.mark.parametrize(
    ("symbol", "calendar", "wanted"),
    [
        ("BRK.B", "XNYS", Listing("BRK B", "STK", "SMART", "USD")),
        ("BRK-B", "XNYS", Listing("BRK B", "STK", "SMART", "USD")),
        ("RELIANCE.NS", "XBOM", Listing("RELIANCE", "STK", "NSE", "INR")),
    ],
)
def test_symbols_of_stocks_in_ibkrs_spelling(symbol: str, calendar: str, wanted: Listing) -> None:
    assert listing_of(Instrument(symbol=symbol, name=symbol, kind=Kind.STOCK, calendar=calendar, trades_volume=True)) == wanted


def test_a_stock_of_a_market_that_is_not_known() -> None:
    stock = Instrument(symbol="SAP.DE", name="SAP", kind=Kind.STOCK, calendar="XFRA", trades_volume=True)
    with pytest.raises(ConfigurationError, match="not XFRA; take another source"):
        listing_of(stock)


@pytest.mark.parametrize(
    ("code", "text", "meaning"),
    [
        (162, PACING, Meaning.PACING),
        (162, TOO_MANY_OPEN, Meaning.PACING),
        (162, TIME_LENGTH, Meaning.TOO_LONG),
        (162, no_data("SPX", "CBOE", "TRADES").text, Meaning.NO_DATA),
        (162, cancelled(7).text, Meaning.UNKNOWN),
        (162, LOCALISED["es"], Meaning.UNKNOWN),
        (162, LOCALISED["zh"], Meaning.UNKNOWN),
        (162, "", Meaning.UNKNOWN),
        (200, no_data("SPX", "CBOE", "TRADES").text, Meaning.UNKNOWN),
        (200, PACING, Meaning.UNKNOWN),
        (321, "cause - Invalid duration string", Meaning.TOO_LONG),
        (321, "whatever in any language", Meaning.ACT),
        (354, "", Meaning.ACT),
        (366, "", Meaning.UNKNOWN),
    ],
)
def test_codes_come_first_and_an_unknown_162_is_no_empty_answer(code: int, text: str, meaning: Meaning) -> None:
    assert meaning_of(code, text) is meaning


def test_a_text_from_outside_is_cut_and_cannot_forge_lines() -> None:
    shown = str(RefusedError(504, "a\nERROR b\x1b[2J" + "x" * 100_000))
    assert len(shown) < 250
    assert shown.isprintable()


moments = st.datetimes(datetime(2001, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(hour=0, minute=0, second=0, microsecond=0)
)


@given(timeframe=st.sampled_from(sorted(STEPS)), start=moments, days=st.integers(1, 400))
def test_chunks_cover_the_interval_once_and_fit_a_request(timeframe: str, start: datetime, days: int) -> None:
    end = start + timedelta(days=days)
    chunks = list(IbkrHook().chunks(timeframe, start, end))[::-1]
    assert (chunks[0][0], chunks[-1][1]) == (start, end)
    assert all(before[1] == after[0] for before, after in pairwise(chunks))
    weekend = 2 if timeframe == "1m" else 0
    assert all(timedelta() < high - low <= timedelta(days=STEPS[timeframe].days + weekend) for low, high in chunks)


def test_sessions_of_days_and_of_hours() -> None:
    friday, monday = datetime(2018, 6, 15, tzinfo=UTC), datetime(2018, 6, 18, tzinfo=UTC)
    days = Sessions("XNYS", "1d").between(friday, monday + timedelta(days=1))
    assert [session.label for session in days] == [friday, monday]
    assert (days[0].opens, days[0].closes) == (friday + timedelta(hours=13.5), friday + timedelta(hours=20))
    hours = Sessions("XNYS", "1h")
    assert [session.label for session in hours.between(friday + timedelta(hours=19), friday + timedelta(hours=23))] == [friday]
    assert hours.between(friday + timedelta(hours=20), monday + timedelta(hours=13.5)) == []


def test_sessions_when_clocks_change() -> None:
    """New York put its clocks on on Sunday, 2024-03-10."""
    hours = Sessions("XNYS", "1h")
    friday, monday = hours.between(datetime(2024, 3, 8, tzinfo=UTC), datetime(2024, 3, 12, tzinfo=UTC))
    assert (friday.opens, friday.closes) == (datetime(2024, 3, 8, 14, 30, tzinfo=UTC), datetime(2024, 3, 8, 21, tzinfo=UTC))
    assert (monday.opens, monday.closes) == (datetime(2024, 3, 11, 13, 30, tzinfo=UTC), datetime(2024, 3, 11, 20, tzinfo=UTC))
    assert hours.without_bars([friday, monday], [monday.opens]) == [friday]
    assert hours.finished_until(monday.closes + timedelta(hours=1)) == monday.closes + timedelta(hours=1)


@pytest.mark.parametrize(
    ("timeframe", "now", "until"),
    [
        ("1d", datetime(2018, 6, 15, 16, tzinfo=UTC), datetime(2018, 6, 15, tzinfo=UTC)),  # a Friday, under way
        ("1d", datetime(2018, 6, 15, 12, tzinfo=UTC), datetime(2018, 6, 15, tzinfo=UTC)),  # not begun
        ("1d", datetime(2018, 6, 15, 20, tzinfo=UTC), datetime(2018, 6, 16, tzinfo=UTC)),  # over
        ("1d", datetime(2018, 6, 17, 12, tzinfo=UTC), datetime(2018, 6, 18, tzinfo=UTC)),  # a Sunday
        ("1h", datetime(2018, 6, 15, 16, 10, tzinfo=UTC), datetime(2018, 6, 15, 15, 10, tzinfo=UTC)),
        ("1h", datetime(2018, 6, 15, 20, 59, tzinfo=UTC), datetime(2018, 6, 15, 19, 59, tzinfo=UTC)),
        ("1h", datetime(2018, 6, 15, 21, tzinfo=UTC), datetime(2018, 6, 15, 21, tzinfo=UTC)),
        ("1h", datetime(2018, 6, 17, 12, tzinfo=UTC), datetime(2018, 6, 17, 12, tzinfo=UTC)),
    ],
)
def test_until_when_bars_are_finished(timeframe: str, now: datetime, until: datetime) -> None:
    assert Sessions("XNYS", timeframe).finished_until(now) == until


def test_ib_insync_is_not_imported_before_a_connection_is_made() -> None:
    code = (
        "import sys, marketmill.hooks.ibkr as m; m.IbkrHook(); print([name for name in ('ib_insync', 'eventkit') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip().splitlines()[-1] == "[]", done.stderr


def test_without_a_connection_tws_is_looked_for_on_this_machine(monkeypatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_IBKR_DEFAULT", raising=False)

    def absent(_hook: IbkrHook, _conn_id: str) -> None:
        raise AirflowNotFoundException

    monkeypatch.setattr(IbkrHook, "get_connection", absent)
    assert IbkrHook()._gateway == Gateway()
    with pytest.raises(AirflowNotFoundException):
        assert IbkrHook("another")._gateway
