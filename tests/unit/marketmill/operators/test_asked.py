"""What the form says of requests reaches the vendor: how many, how far apart, and as which client."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.settings import settings
from include.sources import SourceName
from marketmill.operators.asked import open_asked
from marketmill.operators.fetch import FetchBarsOperator
from tests.servers.common import BarStore
from tests.servers.tws import TwsServer, TwsSettings
from tests.unit.marketmill.hooks.ibkr_stand_in import index_days

SYMBOLS = ["^GSPC", "^DJI"]
BATCH = {
    "source": "ibkr",
    "universe": "global26",
    "timeframe": "1d",
    "start": "2017-01-01T00:00:00+00:00",
    "end": "2018-01-01T00:00:00+00:00",
    "symbols": SYMBOLS,
}


@pytest.fixture
def tws(monkeypatch, results):
    """TWS, on the clock of the machine."""
    with TwsServer(BarStore({symbol: {"1d": index_days()} for symbol in SYMBOLS}), settings=TwsSettings(pace_every_size=True)) as running:
        monkeypatch.setenv("AIRFLOW_CONN_IBKR_DEFAULT", json.dumps({"conn_type": "ibkr", "host": running.host, "port": running.port}))
        yield running
        assert running.violations() == []


def fetch(context, **form):
    symbols = FetchBarsOperator(task_id="fetch_bars", batch=BATCH).execute(context(max_tries=0, **form))
    return {symbol["symbol"]: (symbol["state"], symbol["reason"]) for symbol in symbols}


def test_the_run_s_own_limit_client_and_interval(tws, context, lake):
    states = fetch(context, max_snapshots=1, ibkr_client_id=205)
    assert states["^GSPC"] == ("complete", "")
    assert states["^DJI"][0] == "permanent"
    assert "used 1 of its 1 requests to ibkr, 0 remaining: raise max_snapshots or wait until" in states["^DJI"][1]
    assert ", or start the same again: a new run counts anew and goes on, what landed is kept and costs nothing" in states["^DJI"][1]
    assert {entry.client_id for entry in tws.requests()} == {205}
    # The same run with a higher limit: what landed is free.
    states = fetch(context, max_snapshots=2, snapshot_interval=1.5, ibkr_client_id=205)
    assert {state for state, _ in states.values()} == {"complete"}
    first, second = (entry.moment for entry in tws.requests("history"))
    assert second - first > timedelta(seconds=1.3), "granted 1.5 s apart, on their way for a while; the setting says 1"
    assert fetch(context, max_snapshots=1) == dict.fromkeys(SYMBOLS, ("complete", ""))


def test_a_backfill_has_no_limit_of_its_own_unless_one_is_set(results, context, monkeypatch):
    settings.cache_clear()
    asked = context(max_snapshots=None, snapshot_interval=None)
    assert open_asked(asked, SourceName.IBKR)._given_quota is None
    assert open_asked(asked, SourceName.IBKR, ibkr_most=50)._given_quota.job.max_snapshots == 50
    monkeypatch.setenv("IBKR_TRAINING_MAX_SNAPSHOTS", "40")
    settings.cache_clear()
    for most in (None, 50):
        assert open_asked(asked, SourceName.IBKR, ibkr_most=most)._given_quota.job.max_snapshots == 40
    assert open_asked(context(max_snapshots=3), SourceName.IBKR, ibkr_most=50)._given_quota.job.max_snapshots == 3


def test_an_empty_field_is_the_setting_and_no_field_is_no_limit(tws, context, monkeypatch):
    monkeypatch.setenv("IBKR_TRAINING_MAX_SNAPSHOTS", "1")
    monkeypatch.setenv("IBKR_TRAINING_SNAPSHOT_INTERVAL", "0")
    monkeypatch.setenv("IBKR_TRAINING_CLIENT_ID", "77")
    settings.cache_clear()
    assert [state for state, _ in fetch(context, max_snapshots=None).values()] == ["complete", "permanent"]
    assert [state for state, _ in fetch(context).values()] == ["complete", "complete"]
    assert {entry.client_id for entry in tws.requests()} == {77}


@pytest.mark.parametrize(
    ("source", "form", "has_quota"),
    [
        ("yahoo", {"max_snapshots": 3}, True),
        ("binance", {"snapshot_interval": 2.5}, True),
        ("yahoo", {"max_snapshots": None, "snapshot_interval": None}, False),
        ("sample", {"max_snapshots": 3}, False),
    ],
)
def test_every_source_that_counts_keeps_to_the_form(results, context, source, form, has_quota):
    quota = getattr(open_asked(context(**form), SourceName(source)), "_given_quota", None)
    assert (quota is not None) == has_quota
    if quota:
        assert (quota.vendor, quota.job and quota.job.max_snapshots) == (source, form.get("max_snapshots"))
        assert quota.interval == form.get("snapshot_interval", 0)


def test_a_limit_of_nothing_is_refused(results, context):
    with pytest.raises(AirflowFailException, match="max_snapshots is 0; a run that asks for anything needs at least 1"):
        fetch(context, max_snapshots=0)
