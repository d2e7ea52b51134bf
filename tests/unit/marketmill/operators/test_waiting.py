"""Operators that ask a live source: what lands, what waits, what fails; against the Yahoo stand-in, on real clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred
from sqlalchemy import delete, update

from include.actions import read_actions
from include.option_chains import list_chains
from include.results.engine import results_engine
from include.results.errors import ResultsError
from include.results.quota_tables import VENDORS, WAITERS
from marketmill.operators.actions import FetchActionsOperator
from marketmill.operators.fetch import FetchBarsOperator
from marketmill.operators.option_chains import SnapshotOptionChainsOperator
from marketmill.quota import ledger
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
def yahoo(monkeypatch, results, rows):
    """The stand-in."""
    bars = {name: {"1d": rows} for name in ("AAPL", "MSFT")}
    chains = {name: options(name) for name in bars}
    with YahooStandIn(BarStore(bars), actions={"AAPL": [SPLIT, *DIVIDENDS]}, options=chains) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running
        assert running.violations() == []


def chains_form(context, *, run_after=None, **params):
    form = {"source": "yahoo", "symbols": ["AAPL"], "expiries": [], "max_snapshots": None, "snapshot_interval": None}
    made = context(dag_id="snapshot_option_chains", **(form | params))
    return made | {"dag_run": SimpleNamespace(run_after=run_after or datetime.now(UTC))}


@pytest.fixture
def chains_context(context):
    return partial(chains_form, context)


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
    return {"plan": plan, "failed": {}, "left_out": {}}


def asked(yahoo, path):
    return len(yahoo.requests(path))


def forgive():
    """As if the vendor had been left alone for long enough."""
    with results_engine().begin() as connection:
        connection.execute(update(VENDORS).values(blocked_until=0))
        connection.execute(delete(WAITERS))


def test_chains_land_and_the_same_run_again_is_free(yahoo, lake, chains_context):
    context = chains_context()
    assert [(result["symbol"], result["landed"], result["held"]) for result in SNAPSHOT.execute(context)] == [("AAPL", 2, 0)]
    assert lake.exists("reports/data_docs/check-yahoo-option_chains.html")
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
    assert lake.exists("reports/data_docs/check-yahoo-option_chains.html"), "what landed is checked, be it in an earlier try"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"source": "sample"}, "source sample has no option chains; use yahoo or ibkr"),
        ({"source": "csv"}, "^source csv has no option chains; use yahoo or ibkr$"),
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


def test_a_run_that_reaches_nobody_does_not_wait_for_long(chains_context, results, monkeypatch):
    monkeypatch.setattr("marketmill.asking._PAUSES", ())
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with pytest.raises(AirflowFailException, match=r"^Yahoo cannot be reached \("):
        SNAPSHOT.execute(chains_context(symbols=["AAPL", "MSFT"]))


def test_a_connection_that_is_lost_later_is_worth_a_retry(yahoo, chains_context, monkeypatch):
    monkeypatch.setattr("marketmill.asking._PAUSES", ())
    context = chains_context()
    context["ti"].try_number = 2
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with pytest.raises(AirflowException, match=r"^to be tried again: AAPL: Yahoo cannot be reached \("):
        SNAPSHOT.execute(context)


def test_a_past_expiry_names_the_nearest(yahoo, chains_context):
    nearest = ", ".join(str(day) for day in EXPIRIES)
    with pytest.raises(AirflowFailException, match=f"the expiry 2024-01-19 of AAPL is past .*the nearest that yahoo lists are {nearest}"):
        SNAPSHOT.execute(chains_context(expiries=["2024-01-19"]))


def fetch_actions(*symbols, source="yahoo"):
    return FetchActionsOperator(task_id="fetch_actions", reviewed=reviewed(*symbols, source=source))


def test_actions_of_the_complete_symbols_are_stored(yahoo, lake, context):
    operator = fetch_actions("AAPL", "MSFT", "^GSPC")
    assert operator.execute(context()) == operator.reviewed
    assert len(read_actions(lake, "AAPL")) == 3
    assert operator.execute(context()) == operator.reviewed
    assert len(lake.files(lake.actions("AAPL"))) == 1


@pytest.mark.parametrize("source", ["sample", "binance"])
def test_a_source_without_actions_changes_nothing(yahoo, context, source):
    operator = fetch_actions("AAPL", source=source)
    assert operator.execute(context()) == operator.reviewed
    assert yahoo.requests() == []


def test_after_a_wait_only_the_symbols_that_are_missing_are_asked_for(yahoo, lake, context):
    yahoo.faults.add(Fault("status", "chart/MSFT", status=429))
    with pytest.raises(TaskDeferred) as deferred:
        fetch_actions("AAPL", "MSFT").execute(context())
    assert deferred.value.kwargs == {"done": ["AAPL"]}
    forgive()
    yahoo.record.clear()
    fresh = fetch_actions("AAPL", "MSFT")
    assert fresh.resume(context(), None, **deferred.value.kwargs) == fresh.reviewed
    assert asked(yahoo, "chart/AAPL") == 0
    assert asked(yahoo, "chart/MSFT") == 1


def test_a_symbol_without_its_actions_is_left_out_by_name(yahoo, lake, context):
    yahoo.faults.add(Fault("garbage", "chart/AAPL", times=None))
    operator = fetch_actions("AAPL", "MSFT")
    operator.reviewed["failed"] = {"IBM": "gone"}
    with pytest.raises(AirflowException, match="to be tried again: AAPL"):
        operator.execute(context())
    passed = operator.execute(context(try_number=3))
    assert passed["plan"]["symbols"] == ["MSFT"]
    assert passed["failed"].pop("AAPL").startswith("its bars have landed, but not its splits and dividends: Yahoo answered AAPL")
    assert passed["failed"] == {"IBM": "gone"}
    assert operator.reviewed == reviewed("AAPL", "MSFT") | {"failed": {"IBM": "gone"}}, "a retry begins with what it was given"


def test_actions_of_no_symbol_fail_the_task(yahoo, lake, context):
    yahoo.faults.add(Fault("garbage", "chart/AAPL", times=None))
    with pytest.raises(AirflowFailException, match=r"of no symbol could be fetched, their bars have landed: AAPL: "):
        fetch_actions("AAPL").execute(context(try_number=3))


def fetch_bars(*symbols):
    return FetchBarsOperator(task_id="fetch_bars", batch=reviewed(*symbols)["plan"])


def test_bars_wait_without_a_slot_and_go_on_with_what_is_missing(yahoo, lake, context):
    yahoo.faults.add(Fault("status", "chart/MSFT", status=429))
    with pytest.raises(TaskDeferred) as deferred:
        fetch_bars("AAPL", "MSFT").execute(context())
    assert deferred.value.trigger.moment > datetime.now(UTC) + timedelta(seconds=50)
    # Woken too early, the ledger alone says so.
    yahoo.record.clear()
    with pytest.raises(TaskDeferred):
        fetch_bars("AAPL", "MSFT").resume(context(), None, **deferred.value.kwargs)
    assert asked(yahoo, "chart") == 0
    forgive()
    results = fetch_bars("AAPL", "MSFT").resume(context(), None, **deferred.value.kwargs)
    assert [(result["state"], result["asked"]) for result in results] == [("complete", 0), ("complete", 1)]
    assert asked(yahoo, "chart/AAPL") == 0


def limited(context, run_id):
    """A run with one request for all of its tasks."""
    return context(max_snapshots=1) | {"run_id": run_id}


def test_runs_with_few_requests_get_on_until_all_is_published(yahoo, lake, context):
    assert [result["state"] for result in fetch_bars("AAPL", "MSFT").execute(limited(context, "1"))] == ["complete", "permanent"]
    assert [result["state"] for result in fetch_bars("AAPL", "MSFT").execute(limited(context, "2"))] == ["complete", "complete"]
    with pytest.raises(AirflowFailException, match=r"of no symbol could be fetched, their bars have landed: .* used 1 of its 1 requests"):
        fetch_actions("AAPL", "MSFT").execute(limited(context, "2"))
    first = fetch_actions("AAPL", "MSFT").execute(limited(context, "3"))
    assert first["plan"]["symbols"] == ["AAPL"]
    assert "not its splits and dividends: backfill_market__3 used 1 of its 1 requests to yahoo" in first["failed"]["MSFT"]
    yahoo.record.clear()
    second = fetch_actions("AAPL", "MSFT").execute(limited(context, "4"))
    assert (second["plan"]["symbols"], second["failed"]) == (["AAPL", "MSFT"], {})
    assert (asked(yahoo, "chart/AAPL"), asked(yahoo, "chart/MSFT")) == (0, 1)


def test_bars_that_land_later_have_the_actions_asked_for_anew(yahoo, lake, context):
    for expected in (1, 0):
        fetch_bars("AAPL").execute(context())
        yahoo.record.clear()
        fetch_actions("AAPL").execute(context())
        assert asked(yahoo, "chart/AAPL") == expected
    forced = reviewed("AAPL")["plan"] | {"since": datetime.now(UTC).isoformat()}
    FetchBarsOperator(task_id="fetch_bars", batch=forced).execute(context())
    yahoo.record.clear()
    fetch_actions("AAPL").execute(context())
    assert asked(yahoo, "chart/AAPL") == 1


def test_a_results_database_that_fails_is_tried_again(yahoo, context, monkeypatch):
    def fail(*_):
        raise ResultsError("the results database is down")

    monkeypatch.setattr(ledger.Ledger, "reserve", fail)
    with pytest.raises(AirflowException, match="to be tried again: AAPL: the results database is down") as bars:
        fetch_bars("AAPL").execute(context())
    with pytest.raises(AirflowException, match="to be tried again: AAPL: the results database is down") as actions:
        fetch_actions("AAPL").execute(context())
    monkeypatch.setattr(ledger, "results_engine", fail)
    with pytest.raises(AirflowException, match="to be tried again: the results database is down") as chains:
        SNAPSHOT.execute(chains_form(context, max_snapshots=2))
    assert not any(isinstance(caught.value, AirflowFailException) for caught in (bars, actions, chains))
