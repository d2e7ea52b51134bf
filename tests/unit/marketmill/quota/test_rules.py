"""Each kind of rule by itself, with numbers worked out by hand."""

import pytest

from marketmill.quota.requests import Request
from marketmill.quota.rules import CLOCKS, MINUTE, SECOND, Entry, History, Interval, Minute, Open, Window, first_moment

NOW = 1_000 * MINUTE


def _entries(*seconds_ago: float, **values: object) -> list[Entry]:
    return [Entry(NOW - round(ago * SECOND), NOW - round(ago * SECOND), **values) for ago in seconds_ago]


def test_a_window_waits_until_enough_has_left_it() -> None:
    rule = Window("5 in 10 s", 5, 10)
    history = History(NOW, entries=_entries(9, 8, 7, 6))
    assert rule.earliest(Request(1), history, NOW) == NOW
    # 4 + 3 is two too many: the two oldest must go.
    assert rule.earliest(Request(3), history, NOW) == NOW - 8 * SECOND + 10 * SECOND + CLOCKS
    assert rule.earliest(Request(5), history, NOW) == NOW - 6 * SECOND + 10 * SECOND + CLOCKS


def test_a_window_of_weights_and_one_of_requests() -> None:
    history = History(NOW, entries=_entries(1, weight=4))
    assert Window("5", 5, 10).earliest(Request(2), history, NOW) > NOW
    assert Window("5", 5, 10, by_weight=False).earliest(Request(2), history, NOW) == NOW


@pytest.mark.parametrize("per", ["key", "contract"])
def test_a_window_of_its_own_for_each_key_or_contract(per: str) -> None:
    rule = Window("one", 1, 15, per=per)  # type: ignore[arg-type]
    history = History(NOW, entries=_entries(3, **{per: "a"}))
    assert rule.earliest(Request(**{per: "a"}), history, NOW) == NOW + 12 * SECOND + CLOCKS
    assert rule.earliest(Request(**{per: "b"}), history, NOW) == NOW
    assert rule.earliest(Request(), history, NOW) == NOW


def test_a_request_that_may_still_be_on_its_way_counts_as_of_now() -> None:
    rule = Window("one", 1, 10)
    history = History(NOW, entries=[Entry(NOW - 60 * SECOND, NOW, is_open=True)])
    assert rule.earliest(Request(), history, NOW) == NOW + 10 * SECOND + CLOCKS


def test_a_full_minute_waits_for_the_next_and_its_first_second() -> None:
    rule = Minute("weight", 100, 0.9)
    begin, middle = NOW, NOW + 30 * SECOND
    assert rule.earliest(Request(10), History(middle, minutes={1000: 80}), middle) == middle
    assert rule.earliest(Request(11), History(middle, minutes={1000: 80}), middle) == NOW + MINUTE + CLOCKS
    assert rule.earliest(Request(1), History(begin, minutes={999: 90}), begin) == begin + CLOCKS
    assert rule.earliest(Request(1), History(begin + CLOCKS, minutes={999: 90}), begin + CLOCKS) == begin + CLOCKS
    assert rule.earliest(Request(1), History(begin, minutes={999: 89}), begin) == begin


def test_the_interval_is_the_longer_of_the_rule_and_the_request() -> None:
    history = History(NOW, granted_at=NOW - SECOND)
    assert Interval("rate", 0.5).earliest(Request(), history, NOW) == NOW
    assert Interval("rate", 1.5).earliest(Request(), history, NOW) == NOW + SECOND // 2
    assert Interval("rate", 1.5).earliest(Request(interval=3), history, NOW) == NOW + 2 * SECOND


def test_the_interval_keeps_its_distance_to_those_ahead() -> None:
    history = History(NOW, granted_at=NOW - 10 * SECOND)
    history.plan(Request(interval=2), NOW + SECOND)
    # Between now and its turn there is no room: the one ahead wants two seconds before it.
    assert Interval("rate").earliest(Request(interval=1), history, NOW) == NOW + 2 * SECOND
    assert Interval("rate").earliest(Request(interval=4), history, NOW) == NOW + 5 * SECOND


def test_open_requests() -> None:
    rule = Open("2 open", 2)
    assert rule.earliest(Request(), History(NOW, entries=_entries(1, is_open=True) + _entries(5, 6)), NOW) == NOW
    assert rule.earliest(Request(), History(NOW, entries=_entries(1, 2, is_open=True)), NOW) == NOW + SECOND


def test_all_rules_hold_at_once_and_the_last_hindrance_is_named() -> None:
    rules = (Window("window", 1, 10), Interval("interval", 30))
    history = History(NOW, granted_at=NOW - SECOND, entries=_entries(1))
    assert first_moment(rules, Request(), history, NOW) == (NOW + 29 * SECOND, "interval")
    assert first_moment(rules, Request(), History(NOW), NOW) == (NOW, "")


def test_who_is_behind_may_pass_only_where_it_delays_nobody() -> None:
    rules = (Window("total", 3, 600), Window("identical", 1, 15, per="key", by_weight=False))
    history = History(NOW, entries=_entries(1, key="a"))
    ahead, _ = first_moment(rules, Request(key="a"), history, NOW)
    history.plan(Request(key="a"), ahead)
    assert ahead == NOW + 14 * SECOND + CLOCKS
    assert first_moment(rules, Request(key="b"), history, NOW)[0] == NOW
    history.plan(Request(key="b"), NOW)
    assert first_moment(rules, Request(key="c"), history, NOW)[0] > NOW
