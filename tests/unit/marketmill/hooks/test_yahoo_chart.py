"""Reading Yahoo's charts: what does not hang together is refused, whatever it is."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.actions import Action, ActionKind
from marketmill.hooks.yahoo_chart import GarbledError, parse_chart
from tests.unit.marketmill.hooks.yahoo_market import rows_of

OPENINGS = [1598621400, 1598880600, 1598967000]  # 28 and 31 August, 1 September 2020 at 9:30 in New York


def content():
    values = {
        "open": [10.0, 11.0, 12.0],
        "high": [13.0, 13.5, 14.0],
        "low": [9.0, 9.5, 10.0],
        "close": [12.0, 12.5, 13.0],
        "volume": [7, 8, 9],
    }
    meta = {
        "symbol": "AAPL",
        "dataGranularity": "1d",
        "exchangeTimezoneName": "America/New_York",
        "instrumentType": "EQUITY",
        "firstTradeDate": 345479400,
        "regularMarketTime": 1598967000,
        "currency": "USD",
    }
    return {
        "result": [
            {"meta": meta, "timestamp": list(OPENINGS), "indicators": {"quote": [values], "adjclose": [{"adjclose": [11.0, 11.5, 13.0]}]}}
        ]
    }


def change(path, value):
    """The content with one place changed; a value of ... takes it away."""
    changed = content()
    place = changed
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


RESULT = ("result", 0)
QUOTE = (*RESULT, "indicators", "quote", 0)


def days(chart):
    return [row[0].date().isoformat() for row in rows_of(chart.rows)]


def test_a_daily_chart():
    chart = parse_chart(content(), "AAPL", "1d")
    assert rows_of(chart.rows)[0] == (datetime(2020, 8, 28, tzinfo=UTC), 10.0, 13.0, 9.0, 12.0, 7.0, 11.0)
    assert days(chart) == ["2020-08-28", "2020-08-31", "2020-09-01"]
    assert (chart.kind, chart.last_trade) == ("EQUITY", datetime(2020, 9, 1, 13, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("result",), None),
        (("result",), []),
        (RESULT, None),
        ((*RESULT, "meta"), ...),
        ((*RESULT, "meta", "symbol"), "MSFT"),
        ((*RESULT, "meta", "dataGranularity"), "1wk"),
        ((*RESULT, "meta", "exchangeTimezoneName"), "Mars/Olympus"),
        ((*RESULT, "meta", "exchangeTimezoneName"), "../../etc/passwd"),
        ((*RESULT, "meta", "firstTradeDate"), "yesterday"),
        ((*RESULT, "meta", "regularMarketTime"), 1e30),
        ((*RESULT, "timestamp"), OPENINGS[:2]),
        ((*RESULT, "timestamp"), ["a", "b", "c"]),
        ((*RESULT, "timestamp"), [None, 1, 2]),
        ((*RESULT, "timestamp"), [10**30, 1, 2]),
        ((*RESULT, "indicators"), ...),
        ((*QUOTE, "close"), ...),
        ((*QUOTE, "close"), [12.0, 12.5]),
        ((*QUOTE, "close"), ["12", "12.5", "13"]),
        ((*QUOTE, "close"), [True, False, True]),
        ((*QUOTE, "volume"), [7, {}, 9]),
        ((*RESULT, "events"), {"splits": {"1": {"date": OPENINGS[1], "numerator": 4, "denominator": 0}}}),
        ((*RESULT, "events"), {"splits": {"1": {"date": OPENINGS[1], "numerator": -4, "denominator": 1}}}),
        ((*RESULT, "events"), {"dividends": {"1": {"date": OPENINGS[1]}}}),
        ((*RESULT, "events"), {"dividends": [1]}),
    ],
)
def test_what_does_not_hang_together_is_refused(path, value):
    with pytest.raises(GarbledError):
        parse_chart(change(path, value), "AAPL", "1d")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_nothing_but_its_own_error_comes_of_any_change(data):
    """Put any JSON in any place of an answer: it is read, or refused."""
    changed = content()
    changed["result"][0]["events"] = {"splits": {"1": {"date": OPENINGS[1], "numerator": 4.0, "denominator": 1.0}}}
    place = changed
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        place = inner
    junk = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    place[key] = data.draw(
        st.recursive(junk, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3))
    )
    for timeframe in ("1d", "1h"):
        try:
            parse_chart(copy.deepcopy(changed), "AAPL", timeframe)
        except GarbledError:
            continue


def test_what_is_no_number_of_this_world_is_null():
    chart = parse_chart(change((*RESULT, "indicators", "adjclose", 0, "adjclose"), json.loads("[Infinity, NaN, 13.0]")), "AAPL", "1d")
    assert [row[6] for row in rows_of(chart.rows)] == [None, None, 13.0]


def test_a_volume_that_is_missing_stays_missing():
    chart = parse_chart(change((*QUOTE, "volume"), [7, None, 0]), "AAPL", "1d")
    assert [row[5] for row in rows_of(chart.rows)] == [7.0, None, 0.0]


def test_of_a_day_that_comes_twice_the_last_row_counts():
    live = change((*RESULT, "timestamp"), [OPENINGS[0], OPENINGS[1], OPENINGS[1] + 9000])
    chart = parse_chart(live, "AAPL", "1d")
    assert days(chart) == ["2020-08-28", "2020-08-31"]
    assert rows_of(chart.rows)[1][4] == 13.0


def test_rows_in_any_order_come_in_order():
    chart = parse_chart(change((*RESULT, "timestamp"), OPENINGS[::-1]), "AAPL", "1d")
    assert [row[4] for row in rows_of(chart.rows)] == [13.0, 12.5, 12.0]


def test_a_session_that_opens_on_the_day_before_by_utc_keeps_its_date():
    sydney = change((*RESULT, "meta", "exchangeTimezoneName"), "Australia/Sydney")
    sydney["result"][0]["timestamp"] = [int(datetime(2020, 12, day, 23, tzinfo=UTC).timestamp()) for day in (1, 2, 3)]
    assert days(parse_chart(sydney, "AAPL", "1d")) == ["2020-12-02", "2020-12-03", "2020-12-04"]


def test_a_day_keeps_its_date_when_clocks_change():
    """A currency's day begins at midnight in London: at 0:00 UTC in winter, at 23:00 UTC of the day before in summer."""
    london = change((*RESULT, "meta", "exchangeTimezoneName"), "Europe/London")
    openings = [datetime(2024, 3, 29, tzinfo=UTC), datetime(2024, 3, 31, 23, tzinfo=UTC), datetime(2024, 4, 1, 23, tzinfo=UTC)]
    london["result"][0]["timestamp"] = [int(opening.timestamp()) for opening in openings]
    assert days(parse_chart(london, "AAPL", "1d")) == ["2024-03-29", "2024-04-01", "2024-04-02"]


def test_bars_from_outside_the_session_are_left_out():
    hourly = change((*RESULT, "meta", "dataGranularity"), "1h")
    hourly["result"][0]["timestamp"] = [OPENINGS[0] - 3600, OPENINGS[0], OPENINGS[0] + 6 * 3600 + 1800]
    hourly["result"][0]["meta"]["tradingPeriods"] = [[{"start": OPENINGS[0], "end": OPENINGS[0] + 6 * 3600 + 1800}]]
    assert [row[0].timestamp() for row in rows_of(parse_chart(hourly, "AAPL", "1h").rows)] == [OPENINGS[0]]


def test_dividends_are_as_paid():
    events = {
        "splits": {"1": {"date": OPENINGS[1], "numerator": 4.0, "denominator": 1.0}},
        "dividends": {"1": {"date": OPENINGS[0], "amount": 0.205}, "2": {"date": OPENINGS[1], "amount": 0.2}},
    }
    chart = parse_chart(change((*RESULT, "events"), events), "AAPL", "1d")
    assert set(chart.actions) == {
        Action(date(2020, 8, 31), ActionKind.SPLIT, 4.0),
        Action(date(2020, 8, 28), ActionKind.DIVIDEND, 0.82),
        Action(date(2020, 8, 31), ActionKind.DIVIDEND, 0.2),
    }


def test_a_chart_without_bars_is_one():
    empty = change((*RESULT, "timestamp"), ...)
    empty["result"][0]["indicators"] = {"quote": [{}], "adjclose": [{}]}
    assert parse_chart(empty, "AAPL", "1d").rows.num_rows == 0
