"""The fetch against a source whose answers a test decides, and a real lake."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from include.errors import ConfigurationError
from include.landing import Adjustment, list_landed, read_landed
from include.results.errors import ResultsError
from include.schemas import LANDING
from include.sources import SourceName
from marketmill.fetch import Fetched, FetchPlan, fetch_batch
from marketmill.hooks.base import BarsHook
from marketmill.outcomes import ConfirmedEmpty, Data, Permanent, RateLimited, Transient, Unreachable

MAY, JUNE, JULY = (datetime(2018, month, 1, tzinfo=UTC) for month in (5, 6, 7))


class DecidedHook(BarsHook):
    """Answers with ``outcomes`` by symbol, one row at the start of the interval where there is none; notes what it was asked."""

    source = SourceName.YAHOO

    def __init__(self, outcomes=None, edition=""):
        super().__init__()
        self.outcomes = outcomes or {}
        self.named = edition
        self.asked = []

    def fetch(self, instrument, timeframe, start, end):
        self.asked.append((instrument.symbol, start, end))
        outcome = self.outcomes.get(instrument.symbol) or Data(one_row(start), Adjustment.SPLIT)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def edition(self, instrument, timeframe):
        return self.named


def one_row(time):
    return pa.table({"timestamp": [time], **{name: [1.0] for name in LANDING.names[1:]}}, schema=LANDING)


def plan(*symbols, start=MAY, end=JULY, since=None):
    return FetchPlan("yahoo", "sample", "1d", start.isoformat(), end.isoformat(), list(symbols or ["AAPL"]), since)


def test_an_answer_lands_with_what_is_known_of_it(lake):
    assert fetch_batch(lake, DecidedHook(), plan()) == [Fetched("AAPL", "complete", rows=1, asked=1)]
    [landed] = list_landed(lake, "yahoo", "1d", "AAPL")
    assert (landed.start, landed.end, landed.adjustment) == (MAY, JULY, Adjustment.SPLIT)
    assert landed.as_of == landed.fetched_at
    assert "2018-05-01" in landed.request


def test_what_landed_is_not_asked_for_again(lake):
    fetch_batch(lake, DecidedHook(), plan(end=JUNE))
    hook = DecidedHook()
    assert fetch_batch(lake, hook, plan()) == [Fetched("AAPL", "complete", rows=1, asked=1)]
    assert hook.asked == [("AAPL", JUNE, JULY)]
    again = DecidedHook()
    assert fetch_batch(lake, again, plan()) == [Fetched("AAPL", "complete")]
    assert again.asked == []


def test_a_hole_in_the_middle_is_filled(lake):
    fetch_batch(lake, DecidedHook(), plan(end=JUNE))
    august, september = datetime(2018, 8, 1, tzinfo=UTC), datetime(2018, 9, 1, tzinfo=UTC)
    fetch_batch(lake, DecidedHook(), plan(start=august, end=september))
    hook = DecidedHook()
    fetch_batch(lake, hook, plan(end=september))
    assert hook.asked == [("AAPL", JUNE, august)]


def test_force_asks_again_and_keeps_both_answers(lake):
    fetch_batch(lake, DecidedHook(), plan())
    hook = DecidedHook()
    forced = plan(since=datetime.now(UTC).isoformat())
    fetch_batch(lake, hook, forced)
    assert hook.asked == [("AAPL", MAY, JULY)]
    assert fetch_batch(lake, DecidedHook(), forced)[0].asked == 0, "a second try of the same forced run has nothing left to do"
    assert len(list_landed(lake, "yahoo", "1d", "AAPL")) == 2
    assert read_landed(lake, "yahoo", "1d", "AAPL", MAY, JULY).superseded == 1


def test_another_edition_is_fetched_anew(lake):
    fetch_batch(lake, DecidedHook(edition="first"), plan())
    assert fetch_batch(lake, DecidedHook(edition="first"), plan())[0].asked == 0
    assert fetch_batch(lake, DecidedHook(edition="second"), plan())[0].asked == 1


def test_a_file_that_is_what_it_once_was_is_read_again(lake):
    for edition in ("first", "second", "first"):
        assert fetch_batch(lake, DecidedHook(edition=edition), plan())[0].asked == 1
    assert fetch_batch(lake, DecidedHook(edition="first"), plan())[0].asked == 0
    assert fetch_batch(lake, DecidedHook(edition="second"), plan(end=JUNE))[0].asked == 1
    hook = DecidedHook(edition="first")
    assert fetch_batch(lake, hook, plan())[0].asked == 1
    assert hook.asked == [("AAPL", MAY, JUNE)], "what is of the present edition still is not read again"


def test_a_confirmed_empty_answer_covers_its_interval(lake):
    hook = DecidedHook({"AAPL": ConfirmedEmpty("not listed before 2019")})
    assert fetch_batch(lake, hook, plan()) == [Fetched("AAPL", "complete", rows=0, asked=1)]
    assert fetch_batch(lake, DecidedHook(), plan())[0].asked == 0
    assert read_landed(lake, "yahoo", "1d", "AAPL", MAY, JULY).rows.num_rows == 0


WHOLE = "2018-05-01 to 2018-07-01"
MONTHS = ("2018-05", "2018-06")
UNTIL = datetime(2018, 1, 1, tzinfo=UTC) + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Permanent("no such symbol"), Fetched("AAPL", "permanent", asked=1, reason="no such symbol")),
        (Transient("503"), Fetched("AAPL", "transient", asked=1, reason="503")),
        (RuntimeError("a fault of ours"), Fetched("AAPL", "transient", asked=1, reason="unexpected RuntimeError: a fault of ours")),
        (ResultsError("the results database x: down"), Fetched("AAPL", "transient", asked=1, reason="the results database x: down")),
        (ConfigurationError("set x"), Fetched("AAPL", "permanent", asked=1, reason="set x")),
    ],
)
def test_a_failure_lands_nothing_and_does_not_stop_the_others(lake, outcome, expected):
    hook = DecidedHook({"AAPL": outcome})
    results = fetch_batch(lake, hook, plan("AAPL", "^GSPC"))
    assert results == [replace(expected, missing=WHOLE, months=MONTHS), Fetched("^GSPC", "complete", rows=1, asked=1)]
    assert results[0].failed
    assert results[0].may_pass == (results[0].state != "permanent")
    assert list_landed(lake, "yahoo", "1d", "AAPL") == []
    assert fetch_batch(lake, DecidedHook(), plan())[0].asked == 1


def test_a_source_that_wants_to_be_left_alone_is_not_asked_for_the_next_symbol(lake):
    hook = DecidedHook({"^VIX": RateLimited(UNTIL, "429")})
    complete, limited = fetch_batch(lake, hook, plan("AAPL", "^VIX", "^GSPC"))
    assert complete.state == "complete"
    assert limited == Fetched("^VIX", "rate_limited", asked=1, reason="429", until=UNTIL.isoformat(), missing=WHOLE, months=MONTHS)
    assert limited.may_pass
    assert [symbol for symbol, _, _ in hook.asked] == ["AAPL", "^VIX"]


def test_a_source_that_cannot_be_reached_is_asked_once(lake, caplog):
    fetch_batch(lake, DecidedHook(), plan("^IXIC"))
    hook = DecidedHook({"^VIX": Unreachable("nobody is there: look at the network")})
    with caplog.at_level("INFO"):
        complete, away, landed, spared = fetch_batch(lake, hook, plan("AAPL", "^VIX", "^IXIC", "^GSPC"))
    assert (complete.state, landed.state) == ("complete", "complete"), "what has landed needs no source"
    assert away == Fetched("^VIX", "unreachable", asked=1, reason="nobody is there: look at the network", missing=WHOLE, months=MONTHS)
    assert spared == replace(away, symbol="^GSPC")
    assert spared.may_pass
    assert [symbol for symbol, _, _ in hook.asked] == ["AAPL", "^VIX"]
    assert caplog.text.count("nobody is there") == 1


def test_what_landed_before_a_failure_stays(lake):
    fetch_batch(lake, DecidedHook(), plan(start=JUNE, end=datetime(2018, 6, 15, tzinfo=UTC)))

    class SecondFails(DecidedHook):
        def fetch(self, instrument, timeframe, start, end):
            return super().fetch(instrument, timeframe, start, end) if start == MAY else Transient("later")

    failed = Fetched("AAPL", "transient", rows=1, asked=2, reason="later", missing="2018-06-15 to 2018-07-01", months=("2018-06",))
    assert fetch_batch(lake, SecondFails(), plan())[0] == failed
    hook = DecidedHook()
    fetch_batch(lake, hook, plan())
    assert hook.asked == [("AAPL", datetime(2018, 6, 15, tzinfo=UTC), JULY)]


def test_an_end_that_lacks_is_asked_for_again_unless_later_bars_follow_it(lake):
    day = timedelta(days=1)

    class LastDaysLack(DecidedHook):
        def chunks(self, timeframe, start, end):
            return [(JUNE, end), (start, JUNE)]

        def fetch(self, instrument, timeframe, start, end):
            self.asked.append((instrument.symbol, start, end))
            return Data(one_row(start), Adjustment.SPLIT, covers_until=end - day, late="nothing of the last day")

    failed = Fetched("AAPL", "transient", 2, 2, "nothing of the last day", missing="2018-06-30 to 2018-07-01", months=("2018-06",))
    assert fetch_batch(lake, LastDaysLack(), plan()) == [failed]
    hook = DecidedHook()
    fetch_batch(lake, hook, plan())
    assert hook.asked == [("AAPL", JULY - day, JULY)]


def test_batches_hold_every_symbol_once():
    batches = plan(*"ABCDEFG").batches(3)
    assert [batch.symbols for batch in batches] == [["A", "B", "C"], ["D", "E", "F"], ["G"]]
    assert batches[0].interval == (MAY, JULY)


def test_a_plan_survives_its_way_through_xcom():
    import json

    original = plan("AAPL", "^VIX", since=MAY.isoformat())
    assert FetchPlan.from_dict(json.loads(json.dumps(original.as_dict()))) == original


def test_a_title_is_short():
    assert plan("AAPL", "^VIX").as_dict()["title"] == "AAPL, ^VIX"
    assert plan(*(f"SYMBOL{number}" for number in range(100))).as_dict()["title"] == "SYMBOL0 to SYMBOL99 (100)"
