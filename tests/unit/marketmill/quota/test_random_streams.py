"""Random streams of requests: whatever is asked, waited for, answered or observed, no rule is broken."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from include.results.migrate import migrate
from marketmill.quota.clock import to_microseconds
from marketmill.quota.ledger import Ledger
from marketmill.quota.requests import Granted, Request, Wait
from marketmill.quota.rules import Interval, Minute, Open, Window
from marketmill.quota.vendors import BackOff, Limits
from tests.results_database import engine_of
from tests.unit.marketmill.quota.hammer import BEGIN, SECOND, ManualClock, most_in_any_window

# Small rules, so that short streams of requests meet all of them.
_SMALL = (
    Window("6 in 20 s", 6, 20),
    Window("identical", 1, 5, per="key", by_weight=False),
    Window("2 per contract", 2, 2, per="contract"),
    Open("3 open", 3),
    Interval("interval"),
)
_BACK_OFF = BackOff(timedelta(seconds=1), timedelta(seconds=8))
_STEP = st.tuples(
    st.sampled_from(["new", "new", "again", "settle"]),
    st.sampled_from([0.0, 0.001, 0.5, 1.0, 2.0, 7.0, 21.0]),
    st.integers(1, 2),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(["", "x"]),
    st.sampled_from([0.0, 1.0]),
)


@pytest.fixture(scope="module")
def shared_engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    engine = engine_of(f"sqlite:///{tmp_path_factory.mktemp('random') / 'results.db'}")
    migrate(engine)
    return engine


_numbers = iter(range(10**9))


@given(steps=st.lists(_STEP, max_size=40), small=st.booleans())
@settings(deadline=None, max_examples=100)
def test_no_stream_of_requests_breaks_a_rule(shared_engine: Engine, steps: list[tuple], small: bool) -> None:
    rules = _SMALL if small else (Minute("weight", 10, 0.8),)
    vendor = f"vendor{next(_numbers)}"
    clock = ManualClock(BEGIN)
    ledger = Ledger(shared_engine, clock, {vendor: Limits(rules, timedelta(seconds=30), _BACK_OFF)})
    sent: dict[int, tuple[int, Request, Granted]] = {}
    ended: dict[int, int] = {}
    waiting: list[Request] = []
    for action, seconds, weight, key, contract, interval in steps:
        clock.sleep(seconds)
        # After its lease a request is given up: no hook waits that long.
        unanswered = [token for token, (granted, _, _) in sent.items() if token not in ended and clock.time < granted + 30 * SECOND]
        if action == "settle" and unanswered:
            token = min(unanswered)
            ledger.settle(sent[token][2], used_weight=None if small else weight)
            ended[token] = clock.time
            continue
        request = waiting.pop(0) if action == "again" and waiting else Request(weight, key, contract, interval)
        answer = ledger.reserve(vendor, request)
        if isinstance(answer, Wait):
            assert to_microseconds(answer.until) > clock.time
            waiting.append(request)
        else:
            sent[answer.token] = (clock.time, request, answer)
    over = {token: ended.get(token, granted + 30 * SECOND) for token, (granted, _, _) in sent.items()}
    # The vendor may have seen each at its grant, at its end, or in between.
    for moments in ({token: granted for token, (granted, _, _) in sent.items()}, over):
        rows = [(min(moments[token], clock.time), request) for token, (_, request, _) in sent.items()]
        if not small:
            for minute in {moment // (60 * SECOND) for moment, _ in rows}:
                assert sum(request.weight for moment, request in rows if moment // (60 * SECOND) == minute) <= 8
            continue
        assert most_in_any_window(((moment, request.weight) for moment, request in rows), 20) <= 6
        for name in "ab":
            assert most_in_any_window(((moment, 1) for moment, request in rows if request.key == name), 5) <= 1
        assert most_in_any_window(((moment, request.weight) for moment, request in rows if request.contract == "x"), 2) <= 2
    if small:
        granted = sorted((granted, token, request) for token, (granted, request, _) in sent.items())
        for (before, _, _), (after, _, request) in pairwise(granted):
            assert after - before >= request.interval * SECOND
        assert all(sum(begin <= moment < over[token] for token, (begin, _, _) in sent.items()) <= 3 for moment, _, _ in granted)
