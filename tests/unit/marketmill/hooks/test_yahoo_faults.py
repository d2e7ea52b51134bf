"""Each fault of Yahoo's, then a rerun: the right outcome, nothing half landed, complete data, no rule broken."""

from __future__ import annotations

import ast
import pickle
import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import certifi
import pytest

import marketmill.hooks
from include.landing import list_landed
from marketmill.fetch import Fetched, FetchPlan, fetch_batch
from marketmill.outcomes import Permanent, RateLimited, Transient
from marketmill.quota.requests import Job
from tests.servers.common import BarStore
from tests.servers.common_clock import SystemClock
from tests.servers.common_tables import package_tables
from tests.servers.http.faults import Fault
from tests.servers.http.yahoo import YahooStandIn
from tests.unit.marketmill.hooks.yahoo_market import day, instrument, landed, open_market, shown

NOW = "2021-03-01T23:00"
SPAN = "2020-06-01", "2020-07-01"
HISTORY = "period1"
NETWORK = "look at the network and HTTPS_PROXY"
AUTHORITIES = "look at the file of certificate authorities that {} names"
NO_BUNDLE: dict[str, str | None] = dict.fromkeys(("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))


@pytest.fixture(scope="module")
def tables():
    rows = [row for row in package_tables()["AAPL"]["1d"] if 2019 <= row[0].year <= 2021]
    return {symbol: {"1d": rows} for symbol in ("AAPL", "MSFT", "META")}


@pytest.fixture
def open_(monkeypatch, tmp_path, tables):
    def make(now=NOW, **options):
        return open_market(monkeypatch, tmp_path, tables, now, **options)

    return make


# yfinance asks a second time with another cookie when it is refused.
@pytest.mark.parametrize(
    ("fault", "state", "words"),
    [
        (Fault("status", HISTORY, status=429), "rate_limited", "429"),
        (Fault("status", HISTORY, status=404, times=2), "transient", "does not find AAPL (404: No data found, symbol may be delisted)"),
        (Fault("status", HISTORY, status=422, times=2, text="odd"), "permanent", "does not take the request for AAPL (422: odd)"),
        (Fault("status", HISTORY, status=401, times=2), "transient", "(401: Invalid Crumb)"),
        (Fault("status", HISTORY, status=500, times=2), "transient", "failed for AAPL (500)"),
        (Fault("status", HISTORY, status=503, times=2), "transient", "failed for AAPL (503)"),
        (Fault("garbage", HISTORY), "transient", "something that is no chart"),
        (Fault("null_result", HISTORY), "transient", "does not hang together"),
        (Fault("empty", HISTORY), "transient", "does not hang together"),
        (Fault("truncated", HISTORY), "transient", "no whole answer for AAPL"),
        (Fault("drop", HISTORY), "transient", "no whole answer for AAPL"),
        (Fault("silent", HISTORY), "transient", "no whole answer for AAPL (Timeout"),
    ],
    ids=lambda value: f"{value.kind} {value.status or ''}".strip() if isinstance(value, Fault) else None,
)
def test_a_fault_then_a_rerun_gives_complete_data(open_, lake, fault, state, words):
    with open_() as market:
        market.yahoo.faults.add(fault)
        failed = market.fetch(lake, "AAPL", "1d", *SPAN, timeout=1 if fault.kind == "silent" else 20)
        assert failed.state == state
        assert words in failed.reason
        assert list_landed(lake, "yahoo", "1d", "AAPL") == []
        market.clock.sleep(61)
        market.yahoo.record.clear()
        assert market.fetch(lake, "AAPL", "1d", *SPAN).state == "complete"
        assert market.charts() == 1
        assert landed(lake, "AAPL", "1d", *SPAN) == shown(market, "AAPL", "1d", *SPAN)


@pytest.mark.parametrize(
    ("environment", "words", "advice"),
    [
        ({"HTTPS_PROXY": "http://127.0.0.1:1"}, "over proxy 127.0.0.1", NETWORK),
        ({"HTTPS_PROXY": "http://nobody.invalid:1"}, "Could not resolve proxy: nobody.invalid", NETWORK),
        (NO_BUNDLE, "certificate", "behind a proxy with certificates of its own let REQUESTS_CA_BUNDLE name the file of its authority"),
        (NO_BUNDLE | {"CURL_CA_BUNDLE": certifi.where()}, "certificate", AUTHORITIES.format("CURL_CA_BUNDLE")),
        (
            NO_BUNDLE | {"CURL_CA_BUNDLE": certifi.where(), "REQUESTS_CA_BUNDLE": "/nowhere"},
            "/nowhere",
            AUTHORITIES.format("REQUESTS_CA_BUNDLE"),
        ),
    ],
)
def test_who_cannot_be_reached_is_told_in_one_sentence_and_asked_once(open_, lake, monkeypatch, environment, words, advice):
    plan = FetchPlan("yahoo", "global26", "1d", day(SPAN[0]).isoformat(), day(SPAN[1]).isoformat(), ["AAPL", "MSFT"])
    with open_() as market:
        for name, value in environment.items():
            for spelling in (name, name.lower()):
                monkeypatch.delenv(spelling, raising=False)
            if value:
                monkeypatch.setenv(name, value)
        results = fetch_batch(lake, market.hook(), plan)
    assert [(result.symbol, result.state) for result in results] == [("AAPL", "unreachable"), ("MSFT", "unreachable")]
    assert results[0].reason == results[1].reason
    told, said = results[0].reason.split("): ")
    assert told.startswith("Yahoo cannot be reached (")
    assert words in told
    assert said == f"{advice}, then run the same again"


def test_after_a_failure_the_same_hook_asks_again(open_, lake):
    """Failed answers stay in yfinance's own cache for as long as the process lives."""
    with open_() as market:
        hook = market.hook()
        plan = FetchPlan("yahoo", "global26", "1d", day(SPAN[0]).isoformat(), day(SPAN[1]).isoformat(), ["AAPL"])
        market.yahoo.faults.add(Fault("status", HISTORY, status=500, times=2))
        assert [result.state for result in fetch_batch(lake, hook, plan)] == ["transient"]
        assert [result.state for result in fetch_batch(lake, hook, plan)] == ["complete"]


def test_nothing_but_empty_rows_is_no_data(open_, lake, tables):
    with open_() as market:
        market.yahoo.replace("AAPL", "1d", [(row[0], *[None] * 5) for row in tables["AAPL"]["1d"]])
        failed = market.fetch(lake, "AAPL", "1d", *SPAN)
        assert (failed.state, "22 rows of AAPL, all without values" in failed.reason) == ("transient", True)
        assert list_landed(lake, "yahoo", "1d", "AAPL") == []


def test_too_many_rows_without_a_close_do_not_land_and_a_rerun_lands_the_right_ones(open_, lake):
    with open_() as market:
        market.yahoo.faults.add(Fault("nulls", HISTORY))
        failed = market.fetch(lake, "AAPL", "1d", *SPAN)
        assert failed.state == "transient"
        assert re.search(r"incomplete: [45] of the 22 sessions of AAPL that it has, .* are without a close", failed.reason)
        assert list_landed(lake, "yahoo", "1d", "AAPL") == []
        market.yahoo.faults.clear()
        assert market.fetch(lake, "AAPL", "1d", *SPAN).state == "complete"
        assert landed(lake, "AAPL", "1d", *SPAN) == shown(market, "AAPL", "1d", *SPAN)


@pytest.mark.parametrize(("lacking", "state"), [(2, "complete"), (3, "transient")])
def test_a_few_rows_without_a_close_are_data(open_, lake, tables, lacking, state):
    days = [row[0].date() for row in tables["AAPL"]["1d"] if day(SPAN[0]).date() <= row[0].date()][3 : 3 + lacking]
    with open_() as market:
        market.yahoo.replace("AAPL", "1d", [(row[0], *[None] * 5) if row[0].date() in days else row for row in tables["AAPL"]["1d"]])
        assert market.fetch(lake, "AAPL", "1d", *SPAN).state == state


def test_rows_without_values_on_days_without_a_session_count_for_nothing(open_, lake, tables):
    """Yahoo has such rows for holidays."""
    rows = tables["AAPL"]["1d"]
    sundays = [(row[0] + timedelta(days=6 - row[0].weekday()), *[None] * 5) for row in rows if row[0].weekday() == 0]
    saturdays = [(row[0] - timedelta(days=1), *row[1:]) for row in sundays]
    with open_() as market:
        market.yahoo.replace("AAPL", "1d", sorted([*rows, *saturdays, *sundays]))
        assert market.fetch(lake, "AAPL", "1d", *SPAN).state == "complete"


def test_an_unknown_symbol_fails_and_the_others_come(open_, lake):
    with open_() as market:
        plan = FetchPlan("yahoo", "global26", "1d", day(SPAN[0]).isoformat(), day(SPAN[1]).isoformat(), ["AAPL", "NOPE", "MSFT"])
        results = fetch_batch(lake, market.hook(), plan)
        assert [(result.symbol, result.state) for result in results] == [("AAPL", "complete"), ("NOPE", "transient"), ("MSFT", "complete")]
        assert "look at the spelling on finance.yahoo.com" in results[1].reason


def test_after_429_nobody_asks_until_the_block_is_over(open_, lake):
    with open_() as market:
        market.yahoo.faults.add(Fault("status", HISTORY, status=429))
        first = market.fetch(lake, "AAPL", "1d", *SPAN)
        assert first.state == "rate_limited"
        until = day(first.until[:19])
        assert timedelta(seconds=59) < until - market.yahoo.clock.now() <= timedelta(minutes=1)
        market.yahoo.record.clear()
        assert market.fetch(lake, "MSFT", "1d", *SPAN).state == "rate_limited"
        # The cookie's page is of another host.
        assert {entry.host for entry in market.yahoo.requests()} == {"fc.yahoo.com"}
        market.clock.sleep(61)
        assert market.fetch(lake, "MSFT", "1d", *SPAN).state == "complete"


def test_one_429_costs_one_request_and_the_next_block_is_longer(open_, lake):
    with open_() as market:
        waits = []
        for _ in range(3):
            market.yahoo.record.clear()
            market.yahoo.faults.add(Fault("status", HISTORY, status=429))
            failed = market.fetch(lake, "AAPL", "1d", *SPAN)
            waits.append(round((day(failed.until[:19]) - market.yahoo.clock.now()).total_seconds(), -1))
            assert market.charts() == 1
            market.yahoo.faults.clear()
            market.clock.sleep(waits[-1] + 1)
        assert waits == [60, 120, 240]


def test_a_crumb_that_is_refused_does_not_stop_charts(open_, lake):
    with open_() as market:
        market.yahoo.faults.add(Fault("status", "getcrumb", status=429, times=None))
        assert market.fetch(lake, "AAPL", "1d", *SPAN).state == "complete"


def test_the_pages_for_the_cookie_may_fail(open_, lake):
    with open_() as market:
        market.yahoo.faults.add(Fault("drop", "fc.yahoo.com", times=None))
        assert market.fetch(lake, "AAPL", "1d", *SPAN).state == "complete"


def test_a_long_wait_is_left_to_the_operator(open_, lake):
    with open_() as market:
        until = market.ledger.block("yahoo", timedelta(minutes=5), "test")
        outcome = market.hook().fetch(instrument("AAPL"), "1d", day(SPAN[0]), day(SPAN[1]))
        assert isinstance(outcome, RateLimited)
        assert outcome.until >= until
        assert market.charts() == 0


def test_the_quota_of_a_run_counts_charts_only_and_landed_months_are_free(open_, lake):
    with open_() as market:
        job = Job("backfill_market test", 1)
        assert market.fetch(lake, "AAPL", "1d", *SPAN, job=job).state == "complete"
        refused = market.fetch(lake, "MSFT", "1d", *SPAN, job=job)
        assert refused.state == "permanent"
        assert "used 1 of its 1 requests to yahoo, 0 remaining: raise max_snapshots or wait" in refused.reason
        assert market.fetch(lake, "AAPL", "1d", *SPAN, job=job) == Fetched("AAPL", "complete")


def test_the_steady_rate_is_kept(open_, lake):
    with open_(per_minute=120) as market:
        hook, apple = market.hook(), instrument("AAPL")
        for _ in range(130):
            hook.fetch(apple, "1d", day("2020-06-01"), day("2020-06-03"))
        assert market.clock.slept >= 65
        assert market.yahoo.violations() == []


def test_a_proxy_s_password_is_never_shown(open_, monkeypatch, caplog, capsys):
    with open_() as market:
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, "http://user:hunter2@127.0.0.1:9")
        caplog.set_level("DEBUG")
        outcome = market.hook().fetch(instrument("AAPL"), "1d", day(SPAN[0]), day(SPAN[1]))
        assert isinstance(outcome, Transient)
        assert "hunter2" not in outcome.reason + caplog.text + "".join(capsys.readouterr())


def test_no_cookie_is_pickled_or_unpickled(open_, lake, monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("pickle was used")

    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "dumps", refuse)
    with open_() as market:
        assert market.fetch(lake, "AAPL", "1d", *SPAN).state == "complete"
        assert len(market.yahoo.requests("getcrumb")) == 1


def test_the_library_is_loaded_with_the_first_request_only():
    for file in Path(marketmill.hooks.__file__).parent.glob("yahoo*.py"):
        imports = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {name for node in imports for name in (getattr(node, "module", None), *(alias.name for alias in node.names))}
        assert not {"yfinance", "curl_cffi"} & {str(name).partition(".")[0] for name in names}, file


def test_intervals_that_cannot_be_asked_for_are_permanent(open_):
    with open_() as market:
        assert isinstance(market.hook().fetch(instrument("AAPL"), "5m", day("2020-06-01"), day("2020-06-02")), Permanent)


def test_two_hooks_of_one_process_do_not_share_a_cookie(open_, lake):
    """Yfinance keeps one session a process; a hook that came later would change the first one's."""
    with open_() as market:
        one, other = market.hook(), market.hook()
        for hook in (one, other, one):
            plan = FetchPlan(
                "yahoo",
                "global26",
                "1d",
                day("2020-06-01").isoformat(),
                day("2020-07-01").isoformat(),
                ["AAPL"],
                since="2999-01-01T00:00+00:00",
            )
            assert [result.state for result in fetch_batch(lake, hook, plan)] == ["complete"]
        assert len(market.yahoo.requests("getcrumb")) == 2


def test_real_time_and_a_real_clock(monkeypatch, tmp_path, lake, tables):
    """The hook's own clock, the database's, and real waits."""
    from include.results.address import parse_address
    from include.results.engine import open_engine
    from include.results.migrate import migrate
    from marketmill.hooks.yahoo import YahooHook
    from marketmill.quota.ledger import Ledger
    from marketmill.quota.spending import Quota

    engine = open_engine(parse_address(f"sqlite:///{tmp_path / 'results.db'}", tmp_path))
    migrate(engine)
    with YahooStandIn(BarStore(tables), clock=SystemClock()) as yahoo:
        for name, value in yahoo.environment.items():
            monkeypatch.setenv(name, value)
        plan = FetchPlan("yahoo", "global26", "1d", day("2020-06-01").isoformat(), day("2020-07-01").isoformat(), ["AAPL", "META"])
        results = fetch_batch(lake, YahooHook(quota=Quota(Ledger(engine), "yahoo")), plan)
        assert [result.state for result in results] == ["complete", "complete"]
        moments = [entry.moment for entry in yahoo.requests() if "finance" in entry.host]
        assert all(after - before >= timedelta(seconds=0.45) for before, after in pairwise(moments))
        assert yahoo.violations() == []
    engine.dispose()
