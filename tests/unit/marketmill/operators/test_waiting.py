"""Operators that ask a live source: what lands, what waits, what fails; against the Yahoo stand-in, on real clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskDeferred
from sqlalchemy import update

from include.actions import read_actions
from include.option_chains import list_chains
from include.results.engine import results_engine
from include.results.migrate import migrate
from include.results.tables import VENDORS
from include.settings import settings
from marketmill.operators.actions import FetchActionsOperator
from marketmill.operators.option_chains import SnapshotOptionChainsOperator
from tests.servers.common import BarStore
from tests.servers.common_tables import package_tables
from tests.servers.http.faults import Fault
from tests.servers.http.yahoo import OptionLine, YahooStandIn
from tests.unit.marketmill.hooks.yahoo_market import DIVIDENDS, SPLIT

TODAY = datetime.now(UTC).date()
EXPIRIES = [TODAY + timedelta(days=days) for days in (10, 40)]


def options(symbol):
    traded = datetime(2021, 2, 26, 20, tzinfo=UTC)
    return [OptionLine(f"{symbol}{day:%y%m%d}C00120000", day, 120.0, "call", 3.5, traded, 0.31) for day in EXPIRIES]


@pytest.fixture(scope="module")
def rows():
    return package_tables()["AAPL"]["1d"][-3000:]


@pytest.fixture
def yahoo(monkeypatch, tmp_path, lake, rows):
    """The stand-in, and an own results database for its ledger."""
    monkeypatch.setenv("RESULTS_URL", f"sqlite:///{tmp_path / 'results.db'}")
    settings.cache_clear()
    results_engine.cache_clear()
    migrate(results_engine())
    bars = {name: {"1d": rows} for name in ("AAPL", "MSFT")}
    chains = {name: options(name) for name in bars}
    with YahooStandIn(BarStore(bars), actions={"AAPL": [SPLIT, *DIVIDENDS]}, options=chains) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running
        assert running.violations() == []
    results_engine().dispose()
    results_engine.cache_clear()


@pytest.fixture
def chains_context(context):
    def make(*, run_after=None, **params):
        form = {"source": "yahoo", "symbols": ["AAPL"], "expiries": [], "max_snapshots": None, "snapshot_interval": None}
        made = context(dag_id="snapshot_option_chains", **(form | params))
        return made | {"dag_run": SimpleNamespace(run_after=run_after or datetime.now(UTC))}

    return make


SNAPSHOT = SnapshotOptionChainsOperator(task_id="snapshot")


def reviewed(*symbols, source="yahoo"):
    plan = {
        "source": source,
        "universe": "global26",
        "timeframe": "1d",
        "start": "2020-01-01T00:00:00+00:00",
        "end": "2021-01-01T00:00:00+00:00",
        "symbols": list(symbols),
    }
    return {"plan": plan, "failed": {}}


def asked(yahoo, path):
    return len(yahoo.requests(path))


def test_chains_land_and_the_same_run_again_is_free(yahoo, lake, chains_context):
    context = chains_context()
    assert [(result["symbol"], result["landed"], result["held"]) for result in SNAPSHOT.execute(context)] == [("AAPL", 2, 0)]
    yahoo.record.clear()
    context["params"]["expiries"] = [str(day) for day in EXPIRIES]
    assert [(result["landed"], result["held"]) for result in SNAPSHOT.execute(context)] == [(0, 2)]
    assert yahoo.requests() == []
    assert [chain.expiry for chain in list_chains(lake, "yahoo", "AAPL")] == EXPIRIES


def test_a_date_long_ago_does_not_make_every_old_chain_this_week_s(yahoo, lake, chains_context):
    SNAPSHOT.execute(chains_context(run_after=datetime(2018, 1, 3, tzinfo=UTC)))
    assert len(list_chains(lake, "yahoo", "AAPL")) == 2


def test_429_gives_the_slot_back_and_the_task_goes_on_afterwards(yahoo, lake, chains_context):
    context = chains_context(symbols=["AAPL", "MSFT"])
    yahoo.faults.add(Fault("status", "/options/MSFT", status=429))
    with pytest.raises(TaskDeferred) as deferred:
        SNAPSHOT.execute(context)
    assert isinstance(deferred.value.trigger, DateTimeTrigger)
    assert deferred.value.trigger.moment > datetime.now(UTC) + timedelta(seconds=50)
    assert deferred.value.method_name == "resume"
    # Woken too early it asks nobody, and waits again.
    yahoo.record.clear()
    with pytest.raises(TaskDeferred):
        SNAPSHOT.resume(context, None, **deferred.value.kwargs)
    assert asked(yahoo, "/options/") == 0


def test_the_run_s_limit_is_final_and_named(yahoo, lake, chains_context):
    context = chains_context(max_snapshots=2)
    with pytest.raises(AirflowFailException, match=r"used 2 of its 2 requests to yahoo, 0 remaining: raise max_snapshots or wait"):
        SNAPSHOT.execute(context)
    assert len(list_chains(lake, "yahoo", "AAPL")) == 1


def test_what_may_pass_is_retried_and_then_listed(yahoo, lake, chains_context):
    yahoo.faults.add(Fault("garbage", "/options/AAPL", times=None))
    context = chains_context(symbols=["AAPL", "MSFT"])
    with pytest.raises(AirflowException, match="to be tried again: AAPL: Yahoo answered AAPL with something that is no optionChain"):
        SNAPSHOT.execute(context)
    context["ti"].try_number = 3
    with pytest.raises(AirflowFailException, match="option chains are missing: AAPL: "):
        SNAPSHOT.execute(context)
    assert len(list_chains(lake, "yahoo", "MSFT")) == 2


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"source": "sample"}, "source sample has no option chains; use yahoo or ibkr"),
        ({"symbols": []}, "symbols is empty; name at least one"),
        ({"symbols": ["aapl"]}, "'aapl' is not a symbol"),
        ({"expiries": ["2027-1-15"]}, "expiry '2027-1-15' is not a date of the form YYYY-MM-DD"),
        ({"expiries": [20270115]}, "expiry 20270115 is not a date"),
        ({"source": "bloomberg"}, "source 'bloomberg' is unknown"),
    ],
)
def test_a_wrong_form_is_refused_without_a_question(yahoo, chains_context, params, words):
    with pytest.raises(AirflowFailException, match=words):
        SNAPSHOT.execute(chains_context(**params))
    assert yahoo.requests() == []


def test_a_past_expiry_names_the_nearest(yahoo, chains_context):
    nearest = ", ".join(str(day) for day in EXPIRIES)
    with pytest.raises(AirflowFailException, match=f"the expiry 2024-01-19 of AAPL is past .*the nearest that yahoo lists are {nearest}"):
        SNAPSHOT.execute(chains_context(expiries=["2024-01-19"]))


def test_actions_of_the_complete_symbols_are_stored(yahoo, lake, context):
    operator = FetchActionsOperator(task_id="fetch_actions", reviewed=reviewed("AAPL", "MSFT", "^GSPC"))
    assert operator.execute(context()) == {"AAPL": 3, "MSFT": 0}
    assert operator.execute(context()) == {"AAPL": 0, "MSFT": 0}
    assert len(read_actions(lake, "AAPL")) == 3


@pytest.mark.parametrize("source", ["sample", "binance"])
def test_a_source_without_actions_is_skipped(yahoo, context, source):
    operator = FetchActionsOperator(task_id="fetch_actions", reviewed=reviewed("AAPL", source=source))
    with pytest.raises(AirflowSkipException, match=f"source {source} tells of no splits and dividends"):
        operator.execute(context())


def test_after_a_wait_only_the_symbols_that_are_missing_are_asked_for(yahoo, lake, context):
    operator = FetchActionsOperator(task_id="fetch_actions", reviewed=reviewed("AAPL", "MSFT"))
    yahoo.faults.add(Fault("status", "chart/MSFT", status=429))
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context())
    assert deferred.value.kwargs == {"done": ["AAPL"]}
    with results_engine().begin() as connection:
        connection.execute(update(VENDORS).values(blocked_until=0))
    yahoo.record.clear()
    fresh = FetchActionsOperator(task_id="fetch_actions", reviewed=reviewed("AAPL", "MSFT"))
    assert fresh.resume(context(), None, **deferred.value.kwargs) == {"MSFT": 0}
    assert asked(yahoo, "chart/AAPL") == 0


def test_actions_that_could_not_be_had_fail_the_task(yahoo, lake, context):
    operator = FetchActionsOperator(task_id="fetch_actions", reviewed=reviewed("AAPL", "MSFT"))
    yahoo.faults.add(Fault("garbage", "chart/AAPL", times=None))
    with pytest.raises(AirflowException, match="to be tried again: AAPL"):
        operator.execute(context())
    with pytest.raises(AirflowFailException, match="splits and dividends could not be fetched: AAPL"):
        operator.execute(context(try_number=3))
