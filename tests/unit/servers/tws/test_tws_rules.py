"""The documented rules of TWS, without a socket."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.servers.tws.codec import ProtocolError, encode_field, frame, read_body, split_fields
from tests.servers.tws.contracts import listing
from tests.servers.tws.history_rules import BAR_SIZES, check_history
from tests.servers.tws.messages import contract_details, error
from tests.servers.tws.pacing import HistoryPacer, MessageRate
from tests.servers.tws.refusals import Refusal
from tests.servers.tws.requests import ContractQuery, HistoryRequest, decode_request

NOW = datetime(2018, 6, 15, 20, 30, tzinfo=UTC)
APPLE = ContractQuery(0, "AAPL", "STK", "", 0.0, "", "", "SMART", "", "USD", "", "")


def ask(size: str = "1 day", duration: str = "1 M", *, end: str = "", what: str = "TRADES") -> HistoryRequest:
    return HistoryRequest("history", 7, APPLE, end=end, bar_size=size, duration=duration, what=what)


def refused(request: HistoryRequest) -> Refusal:
    with pytest.raises(Refusal) as caught:
        check_history(request, NOW, "US/Eastern")
    return caught.value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "1"),
        (5.0, "5"),
        (0.1, "0.1"),
        (46.2775, "46.2775"),
        ("é", "\\u00e9"),
        ("历", "\\u5386"),
        ("😀", "\\ud83d\\ude00"),
    ],
)
def test_a_field_is_exact_and_seven_bit(value: object, text: str) -> None:
    assert encode_field(value) == text


def test_frames_come_back_and_impossible_ones_are_refused() -> None:
    async def read(data: bytes) -> bytes:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await read_body(reader)

    assert split_fields(asyncio.run(read(frame(4, "a", None)))) == ["4", "a", ""]
    with pytest.raises(ProtocolError, match="1195725856 bytes"):
        asyncio.run(read(b"GET / HTTP/1.1"))
    with pytest.raises(ProtocolError, match="NUL"):
        split_fields(b"4\x002")
    with pytest.raises(ProtocolError, match="not text"):
        split_fields(b"\xff\x00")


@pytest.mark.parametrize(("version", "fields"), [(157, 39), (163, 40), (164, 40), (176, 40)])
def test_contract_details_have_the_fields_of_the_version(version: int, fields: int) -> None:
    body = contract_details(version, 1, listing("AAPL"), "20180615:0930-20180615:1600")[4:]
    # Before 164: a version field and a size multiplier more, and none of the three sizes (163: one of them).
    assert len(split_fields(body)) == fields


def test_errors_have_one_more_field_from_version_166() -> None:
    assert split_fields(error(165, 1, 200, "x")[4:]) == ["4", "2", "1", "200", "x"]
    assert split_fields(error(166, 1, 200, "x")[4:]) == ["4", "2", "1", "200", "x", ""]


@pytest.mark.parametrize(
    "fields",
    [
        ["999", "1"],
        ["x"],
        ["20", "1", "0"],
        [
            "20",
            *("1", "0", "AAPL", "STK"),
            "",
            "0.0",
            *[""] * 8,
            "0",
            "20180101",
            "1 day",
            "1 M",
            "2",
            "TRADES",
            "1",
            "0",
            "",
        ],
        ["1", "11", "1", "0", "AAPL", "BAG", "", "0.0", *[""] * 6, "0", "", "1", "0", ""],
    ],
)
def test_a_message_that_cannot_be_read_is_named(fields: list[str]) -> None:
    with pytest.raises(ProtocolError):
        decode_request(fields, 176)


@pytest.mark.parametrize(
    ("duration", "legal"),
    [
        ("60 S", ["1 secs", "1 min"]),
        ("3600 S", ["5 secs", "1 hour"]),
        ("1 D", ["1 min", "1 day"]),
        ("2 D", ["2 mins", "1 day"]),
        ("1 W", ["3 mins", "1 week"]),
        ("1 M", ["30 mins", "1 month"]),
        ("1 Y", ["1 day", "1 month"]),
        ("10 Y", ["1 day", "1 month"]),
    ],
)
def test_the_step_table(duration: str, legal: list[str]) -> None:
    names = list(BAR_SIZES)
    allowed = names[names.index(legal[0]) : names.index(legal[1]) + 1]
    for size in names:
        if size in allowed:
            check_history(ask(size, duration), NOW, "US/Eastern")
        else:
            refusal = refused(ask(size, duration))
            assert (refusal.code, refusal.rule) == (162, "step sizes"), size


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (ask("1 days"), "bar size setting is invalid. Legal ones are: 1 secs, 5 secs"),
        (ask(duration="1 month"), "Invalid duration string '1 month'"),
        (ask(duration="0 D"), "Invalid duration string"),
        (ask(duration="366 D"), "longer than 365 days must be made in years"),
        (ask(duration="13 M"), "longer than 365 days must be made in years"),
        (ask(what="CLOSE"), "Invalid historical data type 'CLOSE'"),
        (ask(what="ADJUSTED_LAST", end="20180601-00:00:00"), "End date not supported with adjusted last"),
        (ask(end="2018-06-01"), "Invalid end date '2018-06-01'"),
        (ask(end="20180601 00:00:00 Mars/Base"), "Invalid end date"),
        (ask(end="20180631-00:00:00"), "Invalid end date"),
    ],
)
def test_an_invalid_request_is_error_321_with_its_reason(request_: HistoryRequest, words: str) -> None:
    refusal = refused(request_)
    assert refusal.code == 321
    assert refusal.text.startswith("Error validating request.-'bN' : cause - ")
    assert words in refusal.text
    assert refusal.rule


@pytest.mark.parametrize(
    ("end", "moment"),
    [
        ("", NOW),
        ("20180601-00:00:00", datetime(2018, 6, 1, tzinfo=UTC)),
        ("20180601 00:00:00 UTC", datetime(2018, 6, 1, tzinfo=UTC)),
        ("20180601 00:00:00", datetime(2018, 6, 1, 4, tzinfo=UTC)),
        ("20180601 00:00:00 Asia/Tokyo", datetime(2018, 5, 31, 15, tzinfo=UTC)),
    ],
)
def test_the_end_time_of_every_form(end: str, moment: datetime) -> None:
    assert check_history(ask(end=end), NOW, "US/Eastern").end == moment


def test_months_go_back_to_a_day_that_exists() -> None:
    span = check_history(ask(duration="1 M", end="20160331-12:00:00"), NOW, "US/Eastern")
    assert span.duration.back_from(span.end) == datetime(2016, 2, 29, 12, tzinfo=UTC)


class Asker:
    """Sends requests to a pacer at chosen seconds."""

    def __init__(self, *, every_size: bool = False) -> None:
        self.pacer = HistoryPacer(every_size=every_size)

    def __call__(self, second: float, *, con_id: int = 1, size: str = "30 secs", what: str = "TRADES", end: str = "") -> str:
        request = ask(size, "1800 S" if size == "30 secs" else "1 D", end=end, what=what)
        return self.pacer.broken_rule(request, check_history(request, NOW, "UTC"), con_id, second)


def test_an_identical_request_must_wait_15_seconds() -> None:
    asked = Asker()
    assert asked(0) == ""
    assert asked(14.9) == "identical request within 15 s"
    assert asked(29.8) == "identical request within 15 s"  # the refused one counts
    assert asked(44.9) == ""


def test_the_sixth_request_for_a_contract_within_2_seconds_is_refused() -> None:
    asked = Asker()
    assert [asked(i * 0.3, end=f"2018060{i + 1}-00:00:00") for i in range(5)] == [""] * 5
    assert asked(1.9, con_id=2) == ""
    assert asked(1.9, end="20180610-00:00:00") == "6 requests for one contract within 2 s"
    assert asked(4.0, end="20180611-00:00:00") == ""


def test_the_61st_request_in_10_minutes_is_refused_whoever_asks() -> None:
    asked = Asker()
    assert [asked(i * 9.0, con_id=i) for i in range(60)] == [""] * 60
    assert asked(599.0, con_id=60) == "60 requests in 10 min"
    assert asked(600.0, con_id=61) == "60 requests in 10 min"  # one fell out, but the refused one counts
    assert asked(700.0, con_id=62) == ""


def test_bid_ask_counts_twice() -> None:
    asked = Asker()
    assert [asked(i * 3.0, con_id=i, what="BID_ASK") for i in range(30)] == [""] * 30
    assert asked(100.0, con_id=31, what="BID_ASK") == "60 requests in 10 min"


def test_larger_bars_are_paced_only_when_asked_for() -> None:
    free, strict = Asker(), Asker(every_size=True)
    assert [free(0, size="1 min") for _ in range(100)] == [""] * 100
    assert [strict(0, size="1 min") for _ in range(2)] == ["", "identical request within 15 s"]


def test_the_message_rate_lets_45_a_second_pass_and_stops_a_flood() -> None:
    steady, flood = MessageRate(), MessageRate()
    assert not any(steady.exceeded(100 + second + i * 0.001) for second in range(20) for i in range(45))
    assert [flood.exceeded(100.0) for _ in range(101)].index(True) == 100
    slow = MessageRate()
    assert any(slow.exceeded(100 + i / 60) for i in range(60 * 12))  # 60 a second is found out too


def test_clock_moves_only_forward_by_hand() -> None:
    from tests.servers.common_clock import AdjustableClock

    clock = AdjustableClock(NOW)
    clock.advance(60)
    assert clock.now() == NOW + timedelta(minutes=1)
    with pytest.raises(ValueError, match="aware"):
        AdjustableClock(NOW.replace(tzinfo=None))
