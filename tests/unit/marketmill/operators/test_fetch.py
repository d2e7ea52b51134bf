from __future__ import annotations

from datetime import UTC, datetime

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from include.holds import Cause, Hold, read_holds
from include.landing import Adjustment, Landed, list_landed, write_landing
from include.schemas import LANDING
from include.sources import SourceName
from marketmill import sources
from marketmill.hooks.base import BarsHook
from marketmill.operators.fetch import ConfirmCompleteOperator, FetchBarsOperator, PlanFetchOperator, ReviewFetchOperator
from marketmill.outcomes import Transient

PLAN = PlanFetchOperator(task_id="plan_fetch")
BATCH = {
    "source": "sample",
    "universe": "sample",
    "timeframe": "1d",
    "start": "2018-05-01T00:00:00+00:00",
    "end": "2018-06-01T00:00:00+00:00",
    "symbols": ["^GSPC"],
    "since": None,
    "csv_folder": None,
    "title": "^GSPC",
}


def form(**fields):
    return {"years": 10, "start": None, "end": None, "days": None, "symbols": [], "force": False, "csv_folder": None} | fields


def test_the_plan_of_the_sample_universe(context):
    [batch] = PLAN.execute(context(**form()))
    assert batch["symbols"] == ["^GSPC", "^IXIC", "^VIX", "AAPL"]
    assert (batch["start"], batch["end"]) == ("2009-01-01T00:00:00+00:00", "2019-01-01T00:00:00+00:00")
    assert batch["title"] == "^GSPC, ^IXIC, ^VIX, AAPL"
    assert batch["since"] is None


def test_the_plan_says_which_calendars_are_assumed(context, capsys):
    PLAN.execute(context(**form(start="2018-01-01", end="2018-02-01", symbols=["AAPL", "VOD.L"])))
    assert "no universe names VOD.L (assumed exchange calendar: XLON); where that is wrong, enter the symbol" in capsys.readouterr().out
    PLAN.execute(context(**form()))
    assert "assumed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("symbols", "words"),
    [
        (["AAPL", "^GSPC"], "2 symbols of universe sample, 1d bars"),
        (["AAPL", "VOD.L"], "2 symbols, 1 of them of universe sample, 1d bars"),
        (["NVDA", "VOD.L"], "2 symbols, none of them of universe sample, 1d bars"),
    ],
)
def test_the_plan_counts_the_symbols_of_the_universe_as_such(context, capsys, symbols, words):
    PLAN.execute(context(**form(start="2018-01-01", end="2018-02-01", symbols=symbols)))
    assert words in capsys.readouterr().out


def test_the_plan_names_files_that_nobody_uses(context, capsys, tmp_path):
    """A file of the universe that a form leaves out on purpose is none of them."""
    for symbol in ("AAPL", "^GSPC", "NVDA"):
        (tmp_path / f"{symbol}.csv").write_text("date,open,high,low,close,volume\n2018-01-02,1,1,1,1,1\n")
    PLAN.execute(context(**form(source="csv", csv_folder=str(tmp_path), start="2018-01-01", end="2018-02-01", symbols=["AAPL"])))
    assert (
        "neither the universe nor symbols names what they hold: NVDA.csv; for their bars and features: airflow" in capsys.readouterr().out
    )


def test_a_large_universe_becomes_batches(context):
    batches = PLAN.execute(context(**form(universe="global26", start="2018-01-01", end="2018-02-01")))
    assert [len(batch["symbols"]) for batch in batches] == [5, 5, 5, 5, 5, 1]


def test_an_explicit_end_is_kept_beyond_the_last_bar(context):
    [batch] = PLAN.execute(context(**form(start="2018-12-01", end="2019-03-01")))
    assert batch["end"] == "2019-03-01T00:00:00+00:00"


def test_force_asks_for_all_that_landed_before_now(context):
    before = datetime.now(UTC)
    [batch] = PLAN.execute(context(**form(force=True)))
    assert before <= datetime.fromisoformat(batch["since"]) <= datetime.now(UTC)


def test_an_interval_is_the_month_of_a_dag_without_dates(context):
    interval = {"data_interval_start": datetime(2018, 5, 1, tzinfo=UTC), "data_interval_end": datetime(2018, 6, 1, tzinfo=UTC)}
    [batch] = PLAN.execute(context() | interval)
    assert (batch["start"], batch["end"]) == ("2018-05-01T00:00:00+00:00", "2018-06-01T00:00:00+00:00")


def test_a_month_that_is_not_over_is_refused(context):
    interval = {"data_interval_start": datetime(2098, 5, 1, tzinfo=UTC), "data_interval_end": datetime(2098, 6, 1, tzinfo=UTC)}
    with pytest.raises(AirflowFailException, match="the month 2098-05 has not ended; run it from 2098-06-01 on"):
        PLAN.execute(context() | interval)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"universe": "nope"}, r"universe 'nope' is unknown; use one of .*sample"),
        ({"source": "nope"}, r"source 'nope' is unknown; use one of sample"),
        ({"symbols": ["../etc"]}, r"'\.\./etc' is not a symbol"),
        ({"symbols": ["{{ 1 + 1 }}"]}, r"is not a symbol"),
        ({"start": "2020-01-01", "end": "2019-01-01"}, "start 2020-01-01 is not before end 2019-01-01"),
        ({"timeframe": "2d"}, "source sample has no 2d bars; it has 1m, 5m"),
        ({"source": "csv"}, "source csv needs csv_folder"),
        ({"source": "binance"}, r"source binance has pairs .*, and none of \^GSPC, .*AAPL is one"),
        ({"source": "ibkr", "universe": "crypto"}, "source ibkr has stocks, funds and indices only, and .* are pairs"),
        ({"source": "csv", "csv_folder": "/no/such"}, "csv_folder /no/such is not a folder"),
    ],
)
def test_a_form_that_is_wrong_fails_at_once_with_one_sentence(context, lake, fields, sentence):
    with pytest.raises(AirflowFailException, match=sentence) as caught:
        PLAN.execute(context(**form(**fields)))
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert lake.folders("") == []


def test_a_lake_that_cannot_be_written(context, monkeypatch, tmp_path):
    from include.settings import settings

    (tmp_path / "file").touch()
    monkeypatch.setenv("LAKE", str(tmp_path / "file" / "lake"))
    settings.cache_clear()
    with pytest.raises(AirflowFailException, match=r"the lake .*/file/lake cannot be written .*; set LAKE"):
        PLAN.execute(context(**form()))


def test_a_batch_lands(context, lake):
    fetch = FetchBarsOperator(task_id="fetch_bars", batch=BATCH)
    landed = {"symbol": "^GSPC", "state": "complete", "rows": 22, "asked": 1, "reason": "", "until": None, "missing": "", "months": ()}
    assert fetch.execute(context()) == [landed]
    assert len(list_landed(lake, "sample", "1d", "^GSPC")) == 1
    assert fetch.execute(context())[0]["asked"] == 0


def test_two_lakes_hold_the_same_answer_of_a_file(context, lake):
    """What a package says of itself does not depend on when it was read."""
    FetchBarsOperator(task_id="fetch_bars", batch=BATCH).execute(context())
    [landed] = list_landed(lake, "sample", "1d", "^GSPC")
    assert landed.as_of == datetime(2019, 1, 1, tzinfo=UTC) < landed.fetched_at


class BusyHook(BarsHook):
    """A source that is always too busy."""

    source = SourceName.SAMPLE

    def fetch(self, instrument, timeframe, start, end):
        return Transient("503")


def test_a_failure_that_may_pass_is_retried_while_there_are_tries(context, monkeypatch):
    monkeypatch.setattr(sources, "open_source", lambda *_, **__: BusyHook())
    fetch = FetchBarsOperator(task_id="fetch_bars", batch=BATCH)
    with pytest.raises(AirflowException, match=r"to be tried again: \^GSPC: 503") as caught:
        fetch.execute(context(try_number=1, max_tries=2))
    assert not isinstance(caught.value, AirflowFailException)
    assert fetch.execute(context(try_number=3, max_tries=2))[0]["state"] == "transient"


def result(symbol, state="complete", reason="", months=("2018-05",)):
    missing = "" if state == "complete" else "2018-05-04 to 2018-06-01"
    return {"symbol": symbol, "state": state, "rows": 1, "asked": 1, "reason": reason, "until": None, "missing": missing} | {
        "months": list(months)
    }


def test_a_review_leaves_out_what_failed(context):
    fetched = [[result("A"), result("B", "permanent", "no such symbol")], [result("C")]]
    reviewed = ReviewFetchOperator(task_id="review_fetch", batches=[BATCH, BATCH], fetched=fetched).execute(context())
    assert reviewed["failed"] == {"B": "2018-05-04 to 2018-06-01 is missing: no such symbol"}
    assert reviewed["plan"]["symbols"] == ["A", "C"]
    assert reviewed["plan"]["start"] == BATCH["start"]
    assert reviewed["left_out"] == {}


def test_what_landed_whole_goes_on_though_each_symbol_lacks_its_last_month(context, capsys):
    quarter = BATCH | {"start": "2018-03-01T00:00:00+00:00"}
    late = [[result(symbol, "transient", "late") for symbol in "AB"], [result("C", "transient", "late", ("2018-03", "2018-04", "2018-05"))]]
    reviewed = ReviewFetchOperator(task_id="review_fetch", batches=[quarter, quarter], fetched=late).execute(context())
    assert reviewed["plan"]["symbols"] == ["A", "B"]
    assert reviewed["left_out"] == {"A": ["2018-05"], "B": ["2018-05"]}
    assert list(reviewed["failed"]) == ["A", "B", "C"]
    assert (
        "0 symbols fetched (what their answers lack the check says), 2 but for some months, 1 without a whole month"
        in capsys.readouterr().out
    )


def test_a_review_holds_back_the_months_that_did_not_come(context, lake):
    """Those that landed before stay as they are; a later check lets the others go."""
    may, june = datetime(2018, 5, 1, tzinfo=UTC), datetime(2018, 6, 1, tzinfo=UTC)
    write_landing(lake, Landed("sample", "B", "1d", Adjustment.NONE, may, june, june), LANDING.empty_table())
    review = ReviewFetchOperator(
        task_id="review_fetch",
        batches=[BATCH | {"end": "2018-08-01T00:00:00+00:00"}],
        fetched=[[result("A"), result("B", "transient", "no such symbol")]],
    )
    review.execute(context())
    reason = "could not be fetched: 2018-05-04 to 2018-06-01 is missing: no such symbol"
    cause = Cause("fetched", reason, "run the same again: only what is missing is asked for")
    assert read_holds(lake, "1d", ["A", "B"]) == [Hold("B", "sample", ("2018-06", "2018-07"), cause)]


def test_a_run_that_reaches_nobody_fails_in_the_plan_with_one_sentence_and_leaves_nothing(context, lake, results, monkeypatch):
    monkeypatch.setattr("marketmill.asking._PAUSES", (0,))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with pytest.raises(AirflowFailException, match=r"^Yahoo cannot be reached \(") as caught:
        PLAN.execute(context(**form(source="yahoo")))
    assert "\n" not in str(caught.value)
    assert lake.folders("") == []


def test_a_source_is_not_needed_for_what_has_landed(context, lake, results, monkeypatch):
    monkeypatch.setattr("marketmill.asking._PAUSES", ())
    monkeypatch.setenv("AIRFLOW_CONN_BINANCE_DEFAULT", '{"conn_type": "binance", "host": "http://127.0.0.1:1"}')
    wanted = context(**form(source="binance", universe="crypto", symbols=["BTC/USDC"], start="2018-05-01", end="2018-06-01"))
    with pytest.raises(AirflowFailException, match=r"^Binance cannot be reached at http://127\.0\.0\.1:1 \("):
        PLAN.execute(wanted)
    may, june = datetime(2018, 5, 1, tzinfo=UTC), datetime(2018, 6, 1, tzinfo=UTC)
    write_landing(lake, Landed("binance", "BTC/USDC", "1d", Adjustment.NONE, may, june, june), LANDING.empty_table())
    assert len(PLAN.execute(wanted)) == 1


def test_a_review_where_nobody_was_reached_holds_nothing_back(context, lake):
    away = [result(symbol, "unreachable", "nobody is there") for symbol in "AB"]
    with pytest.raises(AirflowFailException):
        ReviewFetchOperator(task_id="review_fetch", batches=[BATCH], fetched=[away]).execute(context())
    assert lake.folders("") == []
    with pytest.raises(AirflowFailException):
        ReviewFetchOperator(task_id="review_fetch", batches=[BATCH], fetched=[[*away, result("C", "permanent", "gone")]]).execute(context())
    assert [hold.symbol for hold in read_holds(lake, "1d", "ABC")] == ["A", "B", "C"]


def test_a_review_without_a_complete_symbol_fails(context):
    def said(*results):
        review = ReviewFetchOperator(task_id="review_fetch", batches=[BATCH], fetched=[list(results)])
        with pytest.raises(AirflowFailException) as caught:
            review.execute(context())
        return str(caught.value)

    away = [result(symbol, "unreachable", "nobody is there: look at the network") for symbol in "ABC"]
    assert said(*away) == "no month of any symbol could be fetched whole: A, B, C: nobody is there: look at the network"
    assert said(result("A", "permanent", "gone"), result("B", "transient", "late")).splitlines() == [
        "no month of any symbol could be fetched whole:",
        "  A: 2018-05-04 to 2018-06-01 is missing: gone",
        "  B: 2018-05-04 to 2018-06-01 is missing: late",
    ]


def test_the_last_step_names_what_is_missing(context, capsys):
    def confirm(failed, held, warned=None, source="sample"):
        reviewed = {"plan": BATCH | {"source": source}, "failed": failed, "left_out": {}}
        ends = {"A": "", "D": "", "E": "2018-05-10, 14 sessions before the time asked for ends"}
        coverage = {symbol: {"ends": words, "missing": 0, "refused": 0, "gaps": "", "refused_gaps": ""} for symbol, words in ends.items()}
        coverage["A"] |= {"missing": 2, "refused": 1, "gaps": "2018-05-14", "refused_gaps": "2018-05-16"}
        counts = {"A": {"fetched": 20}, "D": {"fetched": 0}, "E": {"fetched": 8}}
        checked = {"held": held, "symbols": counts, "coverage": coverage, "warned": warned or {}}
        ConfirmCompleteOperator(task_id="confirm", reviewed=reviewed, checked=checked).execute(context())

    cure = (
        "published is what landed whole; correct what a line says is wrong, then run the same again, and only what is missing is asked for"
    )
    with pytest.raises(AirflowFailException) as caught:
        confirm({"B": "gone", "C": "late"}, {"A": "9 of 20 bars are missing"})
    assert str(caught.value).splitlines() == [
        f"2 of 3 symbols could not be fetched whole, {cure}:",
        "  B: gone",
        "  C: late",
        "1 of 3 symbols are held back, of the others what landed is published:",
        "  A: 9 of 20 bars are missing",
    ]
    with pytest.raises(AirflowFailException, match=r"^1 of 1 symbols are held back"):
        confirm({}, {"A": "9 of 20"})
    with pytest.raises(
        AirflowFailException, match=r"put it there, then run the same again: .*; or choose a universe .* UNIVERSE=\):\n  B: gone"
    ):
        confirm({"B": "gone"}, {}, source="csv")
    capsys.readouterr()
    confirm({}, {})
    said = capsys.readouterr().out
    assert "D: the source has no bars at all in this time" in said
    assert "E: bars for a part of the time only, they end on 2018-05-10" in said
    (absent,) = [line for line in said.splitlines() if "the source has no bars of" in line]
    assert "A: the source has no bars of 2018-05-14" in absent
    assert "2018-05-16" not in absent
    assert "A: 1 bars came and were refused, see quarantine: 2018-05-16" in said
    assert (
        "of 1 symbols 0 lack nothing, 2 are published with the gaps named above, 1 have no bars, 0 are held back, 0 were not fetched whole"
        in said
    )
    assert "odd bars" not in said


def test_the_last_step_names_odd_bars_of_symbols_that_lack_nothing(context, capsys):
    covered = {"ends": "", "missing": 0, "refused": 0, "gaps": "", "refused_gaps": ""}
    checked = {"held": {}, "symbols": {"TSLA": {"fetched": 20}}, "coverage": {"TSLA": covered}}
    checked["warned"] = {
        "suspected_split": {"TSLA": {"bars": 1, "first": "2018-05-04T00:00:00+00:00"}},
        "no_volume": {"TSLA": {"bars": 20, "first": "2018-05-01T00:00:00+00:00"}},
    }
    reviewed = {"plan": BATCH | {"symbols": ["TSLA"]}, "failed": {}, "left_out": {}}
    ConfirmCompleteOperator(task_id="confirm", reviewed=reviewed, checked=checked).execute(context())
    said = capsys.readouterr().out
    assert "suspected_split (The open jumps as after a split, with usual volume, and no such split is known): TSLA 2018-05-04" in said
    assert "1 symbols have odd bars, 1 of them among those that lack nothing" in said
    assert "no_volume" not in said


@pytest.mark.parametrize(
    ("source", "remedy"),
    [("csv", "correct the file as the reason says, or put it there"), ("sample", "change what the reason names")],
)
def test_what_asking_again_does_not_cure_is_said_to_need_a_change(context, lake, source, remedy):
    wrong = [result("A"), result("B", "permanent", "B.csv, line 1: column close is missing"), result("C", "transient", "503")]
    ReviewFetchOperator(task_id="review_fetch", batches=[BATCH | {"source": source}], fetched=[wrong]).execute(context())
    told = {hold.symbol: hold.cause.remedy for hold in read_holds(lake, "1d", "BC")}
    assert told["B"].startswith(f"{remedy}, ")
    assert told["C"] == "run the same again: only what is missing is asked for"
