"""The ledger with a clock of the test's own, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select, text

from include.errors import ConfigurationError
from include.results.engine import results_engine, writing
from include.results.errors import ResultsError
from include.results.migrate import migrate
from include.results.quota_tables import REQUESTS, WAITERS
from include.settings import settings as marketmill_settings
from marketmill.quota.clock import to_datetime, to_microseconds
from marketmill.quota.errors import QuotaError, SnapshotLimitError
from marketmill.quota.ledger import Ledger, open_ledger
from marketmill.quota.requests import Granted, Job, Request, Wait
from marketmill.quota.vendors import LIMITS
from tests.results_database import engine_of
from tests.unit.marketmill.quota.hammer import SECOND, ManualClock

NOON = datetime(2024, 6, 3, 12, tzinfo=UTC)


@pytest.fixture
def engine(database_url: str) -> Engine:
    engine = engine_of(database_url)
    migrate(engine)
    return engine


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(to_microseconds(NOON))


@pytest.fixture
def ledger(engine: Engine, clock: ManualClock) -> Ledger:
    return Ledger(engine, clock)


def _granted(ledger: Ledger, vendor: str, request: Request | None = None, job: Job | None = None) -> Granted:
    answer = ledger.reserve(vendor, request or Request(), job)
    assert isinstance(answer, Granted), answer
    return answer


def _wait(ledger: Ledger, vendor: str, request: Request | None = None) -> Wait:
    answer = ledger.reserve(vendor, request or Request())
    assert isinstance(answer, Wait), answer
    return answer


def test_ibkr_the_61st_request_waits_for_the_first_to_leave_the_window(ledger: Ledger, clock: ManualClock) -> None:
    for _ in range(60):
        ledger.settle(_granted(ledger, "ibkr"))
        clock.sleep(2)
    answer = _wait(ledger, "ibkr")
    assert answer == Wait(NOON + timedelta(seconds=601), 481.0, "60 requests in 10 minutes")


def test_ibkr_bid_ask_counts_twice(ledger: Ledger, clock: ManualClock) -> None:
    for _ in range(30):
        ledger.settle(_granted(ledger, "ibkr", Request(2)))
        clock.sleep(2)
    assert _wait(ledger, "ibkr", Request(2)).reason == "60 requests in 10 minutes"


def test_ibkr_identical_requests_and_bursts(ledger: Ledger, clock: ManualClock) -> None:
    ledger.settle(_granted(ledger, "ibkr", Request(key="AAPL 2024-05 5m")))
    assert _wait(ledger, "ibkr", Request(key="AAPL 2024-05 5m")).seconds == 16
    clock.sleep(20)
    for _ in range(5):
        ledger.settle(_granted(ledger, "ibkr", Request(contract="AAPL")))
    assert _wait(ledger, "ibkr", Request(contract="AAPL")).seconds == 3
    _granted(ledger, "ibkr", Request(contract="MSFT"))


def test_ibkr_50_open_requests(ledger: Ledger, clock: ManualClock) -> None:
    open_ones = [_granted(ledger, "ibkr") for _ in range(50)]
    request = Request()
    assert _wait(ledger, "ibkr", request).reason == "50 open requests"
    ledger.settle(open_ones[0])
    _granted(ledger, "ibkr", request)
    # A lease is over after three minutes, also for those that nobody settles.
    clock.sleep(181)
    _granted(ledger, "ibkr")


def test_ibkr_the_interval_of_a_run(ledger: Ledger, clock: ManualClock) -> None:
    ledger.settle(_granted(ledger, "ibkr", Request(interval=1.5)))
    answer = _wait(ledger, "ibkr", request := Request(interval=1.5))
    assert (answer.seconds, answer.reason) == (1.5, "snapshot_interval")
    clock.sleep(1.5)
    _granted(ledger, "ibkr", request)


def test_binance_takes_the_servers_count_when_it_is_higher(ledger: Ledger, clock: ManualClock) -> None:
    granted = _granted(ledger, "binance", Request(2))
    ledger.settle(granted, used_weight=5279)
    assert _wait(ledger, "binance", Request(2)).until == NOON + timedelta(seconds=61)
    # A lighter one still fits, and delays nobody.
    _granted(ledger, "binance", Request(1))
    assert isinstance(ledger.reserve("binance", Request(1)), Wait)
    clock.sleep(64)
    _granted(ledger, "binance", Request(5000))


def test_binance_a_lower_count_of_the_server_changes_nothing(ledger: Ledger) -> None:
    ledger.settle(_granted(ledger, "binance", Request(5000)), used_weight=3)
    assert isinstance(ledger.reserve("binance", Request(281)), Wait)


def test_binance_own_weight_is_not_counted_twice(ledger: Ledger) -> None:
    for used in (1000, 2000, 3000):
        ledger.settle(_granted(ledger, "binance", Request(1000)), used_weight=used)
    _granted(ledger, "binance", Request(2280))


def test_binance_an_answer_from_the_last_minute_says_nothing_about_this_one(ledger: Ledger, clock: ManualClock) -> None:
    clock.sleep(59)
    granted = _granted(ledger, "binance", Request(2))
    clock.sleep(3)
    ledger.settle(granted, used_weight=6000)
    _granted(ledger, "binance", Request(5000))


def test_binance_a_request_under_way_at_the_turn_of_the_minute_counts_in_both(ledger: Ledger, clock: ManualClock) -> None:
    clock.sleep(58)
    _granted(ledger, "binance", Request(5000))
    clock.sleep(3)
    assert isinstance(ledger.reserve("binance", Request(281)), Wait)


def test_binance_garbage_in_the_count_neither_fails_nor_outlasts_its_minute(ledger: Ledger, clock: ManualClock) -> None:
    ledger.settle(_granted(ledger, "binance", Request(2)), used_weight=-5)
    ledger.settle(_granted(ledger, "binance", Request(2)), used_weight=10**30)
    assert isinstance(ledger.reserve("binance", Request(2)), Wait)
    clock.sleep(61)
    _granted(ledger, "binance", Request(5000))


def test_yahoo_is_asked_at_a_steady_rate(ledger: Ledger, clock: ManualClock) -> None:
    _granted(ledger, "yahoo")
    assert _wait(ledger, "yahoo").seconds == 0.5
    clock.sleep(10)


def test_a_ban_binds_everybody_and_is_not_shortened(ledger: Ledger, engine: Engine, clock: ManualClock) -> None:
    assert ledger.block("binance", NOON + timedelta(minutes=10), "418 banned") == NOON + timedelta(minutes=10)
    assert ledger.block("binance", timedelta(seconds=5), "429 Retry-After 5") == NOON + timedelta(minutes=10)
    other = Ledger(engine, clock)
    assert _wait(other, "binance") == Wait(NOON + timedelta(minutes=10), 600, "418 banned")
    _granted(other, "ibkr")
    clock.sleep(600)
    _granted(other, "binance")


def test_garbage_in_a_ban_does_not_lock_the_vendor_out_for_years(ledger: Ledger) -> None:
    assert ledger.block("binance", timedelta(days=900_000), "\0" + "x" * 10_000) == NOON + timedelta(days=4)
    assert ledger.block("yahoo", timedelta(seconds=-5), "") == NOON
    _granted(ledger, "yahoo")
    with pytest.raises(ValueError, match="has no time zone"):
        ledger.block("yahoo", datetime(2024, 6, 3), "")


def test_the_back_off_grows_once_per_complaint_and_is_forgotten(ledger: Ledger, clock: ManualClock) -> None:
    lengths = []
    for _ in range(9):
        until = ledger.block("yahoo", None, "429")
        # Four workers had requests under way: their complaints are the same one.
        assert ledger.block("yahoo", None, "429") == until
        lengths.append((to_microseconds(until) - clock.time) / SECOND / 60)
        clock.time = to_microseconds(until)
    assert lengths == [1, 2, 4, 8, 16, 32, 64, 120, 120]
    clock.sleep(2 * 3600)
    assert ledger.block("yahoo", None, "429") == to_datetime(clock.time) + timedelta(minutes=1)


def test_a_job_has_a_quota_of_its_own(ledger: Ledger, clock: ManualClock) -> None:
    job = Job("backfill_market manual__1", 2)
    for _ in range(2):
        ledger.settle(_granted(ledger, "ibkr", Request(2), job))
    with pytest.raises(
        SnapshotLimitError, match=r"used 2 of its 2 requests to ibkr, 0 remaining: raise max_snapshots or wait until 2024-06-04 12:00 UTC"
    ) as caught:
        ledger.reserve("ibkr", Request(), job)
    assert (caught.value.used, caught.value.limit, caught.value.remaining) == (2, 2, 0)
    # Of others, of another vendor, and with a larger quota it may go on.
    ledger.settle(_granted(ledger, "ibkr", job=Job("backfill_market manual__2", 2)))
    ledger.settle(_granted(ledger, "yahoo", job=job))
    ledger.settle(_granted(ledger, "ibkr", job=Job(job.name, 3)))
    clock.sleep(86_400)
    for _ in range(2):
        _granted(ledger, "ibkr", job=job)
    with pytest.raises(SnapshotLimitError, match="used 2 of its 2"):
        ledger.reserve("ibkr", Request(), job)


def test_waiting_costs_a_job_nothing(ledger: Ledger) -> None:
    job = Job("run", 2)
    _granted(ledger, "ibkr", Request(key="a"), job)
    for _ in range(10):
        assert isinstance(ledger.reserve("ibkr", Request(key="a"), job), Wait)
    _granted(ledger, "ibkr", Request(key="b"), job)
    with pytest.raises(SnapshotLimitError, match="used 2 of its 2"):
        ledger.reserve("ibkr", Request(key="c"), job)


def test_first_come_first_served_and_who_stays_away_is_passed(ledger: Ledger, clock: ManualClock) -> None:
    ledger.settle(_granted(ledger, "ibkr", Request(interval=10)))
    first, second, third = (Request(interval=10) for _ in range(3))
    assert [_wait(ledger, "ibkr", request).seconds for request in (first, second, third)] == [10, 20, 30]
    clock.sleep(10)
    assert isinstance(ledger.reserve("ibkr", second), Wait), "it is the turn of the first"
    # The first is late; after two seconds it holds nobody up any more.
    clock.sleep(2.5)
    ledger.settle(_granted(ledger, "ibkr", second))
    # But it has kept its place before the third.
    clock.sleep(10)
    assert isinstance(ledger.reserve("ibkr", first), Granted)


def test_a_clock_that_was_turned_back_locks_nobody_out(ledger: Ledger, clock: ManualClock) -> None:
    clock.sleep(365 * 86_400)
    for _ in range(60):
        ledger.settle(_granted(ledger, "ibkr"))
    ledger.block("ibkr", timedelta(minutes=5), "pacing")
    clock.time = to_microseconds(NOON)
    answer = _wait(ledger, "ibkr")
    assert answer.until == NOON + timedelta(seconds=601)
    clock.sleep(900)
    _granted(ledger, "ibkr")


def test_settling_twice_changes_nothing(ledger: Ledger, clock: ManualClock) -> None:
    granted = _granted(ledger, "ibkr", Request(key="a"))
    clock.sleep(5)
    ledger.settle(granted)
    clock.sleep(10)
    ledger.settle(granted)
    ledger.settle(Granted("ibkr", 999_999, NOON))
    # 15 s and one after the first time.
    assert _wait(ledger, "ibkr", Request(key="a")).seconds == 6


def test_old_rows_are_cleared_away(ledger: Ledger, engine: Engine, clock: ManualClock) -> None:
    for _ in range(60):
        ledger.settle(_granted(ledger, "binance"))
    _granted(ledger, "ibkr", Request(key="a"))
    _wait(ledger, "ibkr", Request(key="a"))
    clock.sleep(4000)
    for _ in range(64):
        ledger.settle(_granted(ledger, "binance"))
        ledger.settle(_granted(ledger, "ibkr", Request()))
        clock.sleep(20)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(REQUESTS)).scalar_one() == 128
        assert connection.execute(select(func.count()).select_from(WAITERS)).scalar_one() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Request(0),
        lambda: Request(10**7),
        lambda: Request(interval=-1),
        lambda: Request(interval=float("nan")),
        lambda: Request(interval=4000),
        lambda: Request(key="a\0b"),
        lambda: Request(contract="x" * 501),
        lambda: Job("run", 0),
        lambda: Job("", 1),
    ],
)
def test_what_cannot_be_counted_is_refused(wrong: object) -> None:
    with pytest.raises(QuotaError):
        wrong()  # type: ignore[operator]


def test_what_can_never_be_granted_is_refused_and_does_not_wait_for_ever(ledger: Ledger) -> None:
    with pytest.raises(QuotaError, match=r"weight 6000 to binance can never be granted \(request weight of the minute: at most 5280\)"):
        ledger.reserve("binance", Request(6000))
    with pytest.raises(QuotaError, match=r"the vendor bloomberg has no quota; there are binance, ibkr, yahoo"):
        ledger.reserve("bloomberg", Request())
    _granted(ledger, "binance", Request(5280))


def test_the_ledger_of_the_settings_wants_a_migrated_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESULTS_URL", database_url)
    marketmill_settings.cache_clear()
    results_engine.cache_clear()
    try:
        with pytest.raises(ResultsError, match="run make migrate"):
            open_ledger()
        migrate(results_engine())
        _granted(open_ledger(), "binance")
        monkeypatch.setenv("RESULTS_URL", "nonsense")
        marketmill_settings.cache_clear()
        results_engine.cache_clear()
        with pytest.raises(ConfigurationError, match="set RESULTS_URL"):
            open_ledger()
    finally:
        marketmill_settings.cache_clear()
        results_engine.cache_clear()


def test_a_database_that_is_locked_is_named(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.results.engine._WAIT_SECONDS", 0.1)
    url = f"sqlite:///{tmp_path}/results.db"
    engine = engine_of(url)
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("SELECT 1"))
        with pytest.raises(ResultsError, match=r"the results database sqlite:///.*results.db: database is locked"):
            Ledger(engine_of(url)).reserve("ibkr", Request())


def test_the_limits_are_those_that_the_vendors_document() -> None:
    assert {name: [rule.name for rule in limits.rules] for name, limits in LIMITS.items()} == {
        "ibkr": [
            "60 requests in 10 minutes",
            "an identical request within 15 seconds",
            "5 requests for one contract within 2 seconds",
            "50 open requests",
            "snapshot_interval",
        ],
        "binance": ["request weight of the minute"],
        "yahoo": ["steady rate"],
    }
