from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from expectations.request import SymbolCoverage
from include.assets import BARS
from include.publish import list_months, read_month
from include.settings import settings
from marketmill.operators import bars
from marketmill.operators.bars import CheckBarsOperator, PublishBarsOperator
from marketmill.operators.fetch import FetchBarsOperator

PLAN = {
    "source": "sample",
    "universe": "sample",
    "timeframe": "1d",
    "start": "2018-04-01T00:00:00+00:00",
    "end": "2018-06-01T00:00:00+00:00",
    "symbols": ["^VIX", "AAPL"],
    "since": None,
    "csv_folder": None,
    "title": "two",
}


def check(context, plan=PLAN, left_out=()):
    FetchBarsOperator(task_id="fetch_bars", batch=plan).execute(context)
    return CheckBarsOperator(task_id="check_bars", reviewed={"plan": plan, "failed": {}, "left_out": dict(left_out)}).execute(context)


def test_checked_bars_are_published_and_the_event_names_the_months(context, lake):
    run = context()
    checked = check(run)
    total = checked["total"]
    assert (total["fetched"], total["kept"], total["quarantined"]) == (44 + 43, 86, 1)
    extra = PublishBarsOperator(task_id="publish_bars", checked=checked).execute(run)
    assert run["outlet_events"][BARS].extra == extra
    assert (extra["universe"], extra["source"], extra["timeframe"]) == ("sample", "sample", "1d")
    assert extra["months"] == ["2018-04", "2018-05"]
    assert list_months(lake, lake.bars("1d")) == ["2018-04", "2018-05"]
    assert extra["rows"] == sum(read_month(lake, lake.bars("1d"), month).num_rows for month in extra["months"])
    assert set(extra["content"]) == set(extra["months"])


def test_a_month_that_did_not_land_whole_is_left_out_and_the_others_are_published(context, lake):
    run = context()
    checked = check(run, left_out={"AAPL": ["2018-05"]})
    PublishBarsOperator(task_id="publish_bars", checked=checked).execute(run)
    months = {month: set(read_month(lake, lake.bars("1d"), month)["symbol"].to_pylist()) for month in list_months(lake, lake.bars("1d"))}
    assert months == {"2018-04": {"^VIX", "AAPL"}, "2018-05": {"^VIX"}}
    assert (checked["held"], checked["coverage"]["AAPL"]["expected"]) == ({}, 21)


@pytest.mark.parametrize(("share", "messages"), [(0.02, 0), (0.01, 1)])
def test_much_quarantine_is_told(context, monkeypatch, share, messages):
    """One of 87 rows is refused: 1.1 %."""
    told = []
    monkeypatch.setattr(bars, "notify", lambda *message: told.append(message))
    monkeypatch.setenv("NOTIFY_QUARANTINE_SHARE", str(share))
    settings.cache_clear()
    check(context())
    assert [(topic, title) for topic, title, _ in told] == [("quarantine", "1 of 87 rows were refused")] * messages
    assert all(body.startswith("close_present 1\n") for *_, body in told)


def test_a_warning_is_logged_with_its_symbols_and_rules_by_their_names(context, capsys):
    check(context())
    said = capsys.readouterr().out
    assert "rule close_present refused 1 rows, counted by the first rule that each breaks" in said
    assert "43 kept rows carry the warning prices_missing: ^VIX from 2018-04-02 on (43 bars)" in said


def test_publishing_the_same_again_is_skipped_without_an_event(context):
    run = context()
    PublishBarsOperator(task_id="publish_bars", checked=check(run)).execute(run)
    again = context()
    with pytest.raises(AirflowSkipException, match=r"exactly these bars already \(2 months\)"):
        PublishBarsOperator(task_id="publish_bars", checked=check(again)).execute(again)
    assert BARS not in again["outlet_events"]


def test_a_month_without_bars_ends_well(context, lake, capsys):
    run = context()
    empty = PLAN | {"symbols": ["^GSPC"], "start": "2019-02-01T00:00:00+00:00", "end": "2019-03-01T00:00:00+00:00"}
    checked = check(run, empty)
    assert checked["months"] == []
    assert "source sample holds no bars of these symbols from 2019-02-01" in capsys.readouterr().out
    with pytest.raises(AirflowSkipException):
        PublishBarsOperator(task_id="publish_bars", checked=checked).execute(run)
    assert list_months(lake, lake.bars("1d")) == []


def test_a_symbol_that_lacks_too_much_is_held_back_and_named(context, lake, tmp_path, capsys):
    """Twenty-two sessions, two of them missing; the other symbol is published."""
    folder = tmp_path / "csv"
    folder.mkdir()
    days = [f"2018-05-{day:02d}" for day in range(1, 32) if f"{day:02d}" not in {"05", "06", "12", "13", "19", "20", "26", "27", "28"}]
    for symbol, held in (("AAPL", days), ("MSFT", days[:5] + days[7:])):
        rows = [f"{day},10,12,9,11,{1000 + number}" for number, day in enumerate(held)]
        (folder / f"{symbol}.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]))
    run = context(source="csv")
    plan = PLAN | {"source": "csv", "symbols": ["AAPL", "MSFT"], "csv_folder": str(folder), "start": "2018-05-01T00:00:00+00:00"}
    checked = check(run, plan)
    reason = "2018-05: 2 of 22 bars are not there (9.1%): no row came for 2, 2018-05-08 to 2018-05-09 (2); fetch the time for which"
    assert list(checked["held"]) == ["MSFT"]
    assert checked["held"]["MSFT"].startswith(reason)
    assert checked["held"]["MSFT"].endswith("then run the months again")
    assert f"MSFT is held back, no bar of it is published by this run: {reason}" in capsys.readouterr().out
    extra = PublishBarsOperator(task_id="publish_bars", checked=checked).execute(run)
    assert (extra["held"], extra["docs"], extra["counts"]["kept"]) == (["MSFT"], "reports/data_docs/index.html", 42)
    assert set(read_month(lake, lake.bars("1d"), "2018-05")["symbol"].to_pylist()) == {"AAPL"}


def test_a_history_that_begins_later_is_no_warning(context, monkeypatch, capsys):
    """What should be there is among the gaps; where the source or the universe says that there is nothing, all is well."""
    checked = check(context())["coverage"]["AAPL"]
    covered = SymbolCoverage(**checked | {"begins": "2018-04-18, 12 sessions after the time asked for", "ends": "2018-05-30, 1 sessions"})
    CheckBarsOperator(task_id="check_bars", reviewed=None)._tell_coverage(SimpleNamespace(coverage={"AAPL": covered}))
    said = capsys.readouterr().out.splitlines()
    assert ["warning" in line for line in said if "AAPL: its bars begin on 2018-04-18" in line] == [False]
    assert ["warning" in line for line in said if "AAPL: its bars end on 2018-05-30" in line] == [True]


def test_a_plan_that_is_gone_fails_with_a_sentence(context):
    checked = {"plan": "staging/checks/gone/plan.json", "source": "sample", "timeframe": "1d"}
    with pytest.raises(AirflowFailException, match=r"plan\.json"):
        PublishBarsOperator(task_id="publish_bars", checked=checked).execute(context())
