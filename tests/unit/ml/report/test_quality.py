"""The quality page: from real checks of made and real bars."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from expectations.check import CheckRequest, check_bars
from expectations.checked import publish_checked
from include.calendars import exchange_calendar
from include.errors import LakeError
from include.holds import NOT_FETCHED, Cause, record_check
from include.lake import Lake
from include.landing import Adjustment, Landed, write_landing
from include.months import month_end
from include.publish import publish_month, read_month
from include.schemas import BARS, LANDING, QUARANTINE, conform
from include.universes import Instrument, Kind, Universe, load_universe, pick_instruments
from ml.report import page, publish
from ml.report import quality as quality_module
from ml.report.formats import month_style
from ml.report.quality import QualityPage, read_quality_page
from ml.report.runs import quality_path, report_path

SAMPLE = load_universe("sample")
Store = Callable[..., None]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days(start: str, end: str, *without: str) -> list[dict[str, Any]]:
    """A bar for each New York session, but for some."""
    sessions = [f"{day:%Y-%m-%d}" for day in exchange_calendar("XNYS").sessions_in_range(start, end)]
    return [{"date": day, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 5.0} for day in sessions if day not in without]


@pytest.fixture
def store(lake: Lake) -> Store:
    """Land rows, publish some of them as bars and put the others aside."""

    def write(
        symbol: str,
        rows: list[dict[str, Any]],
        refused: tuple[str, ...] = (),
        *,
        lost: tuple[str, ...] = (),
        flags: dict[str, str] | None = None,
        asked: tuple[str, str] | None = None,
    ) -> None:
        frame = pd.DataFrame(rows)
        frame["timestamp"] = pd.to_datetime(frame["date"], utc=True)
        start, end = asked or (f"{rows[0]['date'][:7]}-01", f"{month_end(rows[-1]['date'][:7]):%Y-%m-%d}")
        answer = Landed("csv", symbol, "1d", Adjustment.RAW, instant(start), instant(end), instant("2026-01-01"))
        write_landing(lake, answer, pa.Table.from_pandas(frame.reindex(columns=LANDING.names), schema=LANDING, preserve_index=False))
        stamp = pd.Timestamp("2026-01-01", tz="UTC")
        more = {
            "symbol": symbol,
            "closed_at": frame["timestamp"],
            "source": "csv",
            "adjustment": "raw",
            "as_of": stamp,
            "row": 0,
            "fetched_at": stamp,
        }
        frame = frame.assign(**more, flags=frame["date"].map(flags or {}), rule="high_not_below_open", reason="high 8 is below open 10")
        for dataset, schema, part in (
            (lake.bars("1d"), BARS, frame[~frame["date"].isin([*refused, *lost])]),
            (lake.quarantine("1d"), QUARANTINE, frame[frame["date"].isin(refused)]),
        ):
            for month, held in part.groupby(part["date"].str[:7]):
                table = pa.Table.from_pandas(held.reindex(columns=schema.names), preserve_index=False)
                _add(lake, dataset, str(month), conform(table, schema, "test"))

    return write


def _add(lake: Lake, dataset: str, month: str, table: pa.Table) -> None:
    held = read_month(lake, dataset, month)
    publish_month(lake, dataset, month, lambda _: table if held is None else pa.concat_tables([held, table]))


def read(lake: Lake) -> QualityPage:
    return read_quality_page(lake, SAMPLE, "1d")


def of(quality: QualityPage, symbol: str) -> Any:
    return next(one for one in quality.symbols if one.symbol == symbol)


def test_missing_bars_are_counted_by_month_and_listed_by_date(lake: Lake, store: Store) -> None:
    store("AAPL", days("2018-01-02", "2018-03-29", "2018-01-31", "2018-02-01", "2018-03-15"), ("2018-02-05",))
    apple = of(read(lake), "AAPL")
    assert [(month, one.expected, one.missing) for month, one in apple.months.items()] == [
        ("2018-01", 21, 1),
        ("2018-02", 19, 2),
        ("2018-03", 21, 1),
    ]
    assert [(f"{gap.first:%m-%d}", f"{gap.last:%m-%d}", gap.bars) for gap in apple.gaps] == [
        ("01-31", "02-01", 2),
        ("02-05", "02-05", 1),
        ("03-15", "03-15", 1),
    ]
    assert [month_style(one) for one in apple.months.values()] == ["few", "many", "few"]


def test_half_a_month_is_not_complete(lake: Lake, store: Store) -> None:
    """Asked for were four months; bars came for one and a half."""
    store("AAPL", days("2018-02-12", "2018-03-29"), asked=("2018-01-01", "2018-05-01"))
    apple = of(read(lake), "AAPL")
    assert {month: (one.expected, one.missing, month_style(one)) for month, one in apple.months.items()} == {
        "2018-01": (21, 21, "many"),
        "2018-02": (19, 7, "many"),
        "2018-03": (21, 0, "full"),
        "2018-04": (21, 21, "many"),
    }
    assert [gap.bars for gap in apple.gaps] == [28, 21]


def test_what_is_not_listed_yet_or_said_to_be_nothing_is_not_missing(lake: Lake, store: Store) -> None:
    store("AAPL", days("2018-02-12", "2018-03-29"), asked=("2018-02-01", "2018-04-01"))
    empty = Landed("csv", "AAPL", "1d", Adjustment.NONE, instant("2018-01-01"), instant("2018-02-01"), instant("2026-01-02"))
    write_landing(lake, empty, LANDING.empty_table())
    listed = tuple(one.model_copy(update={"listed": date(2018, 2, 12)}) if one.symbol == "AAPL" else one for one in SAMPLE.instruments)
    quality = read_quality_page(lake, SAMPLE.model_copy(update={"instruments": listed}), "1d")
    assert {month: (one.expected, one.missing) for month, one in of(quality, "AAPL").months.items()} == {
        "2018-02": (12, 0),
        "2018-03": (21, 0),
    }


def test_symbols_that_no_universe_names_are_named_with_the_calendar_that_was_assumed(lake: Lake, store: Store) -> None:
    store("AAPL", days("2018-01-02", "2018-02-28"))
    assert read(lake).assumed == ""
    store("VOD.L", days("2018-01-02", "2018-02-28"))
    assert read(lake).assumed.startswith("no universe names VOD.L (assumed exchange calendar: XLON); where that is wrong, ")
    publish(lake, run="assumed", universe="sample", timeframe="1d", months=None)
    assert "Some calendars are guesses: no universe names VOD.L (" in lake.read(quality_path("assumed")).decode()


def test_symbols_outside_the_universe_are_shown_where_its_sources_were_asked_for_them(lake: Lake, store: Store) -> None:
    store("AAPL", days("2018-01-02", "2018-01-31"))
    store("TSLA", days("2018-01-02", "2018-01-31"), ("2018-01-16",), flags={"2018-01-10": "suspected_split"})
    record_check(lake, "csv", "1d", "AMD", ["2018-01"], Cause(NOT_FETCHED, "could not be fetched: no close", "correct the file"))
    record_check(lake, "binance", "1d", "BTC/USDT", ["2018-01"], Cause(NOT_FETCHED, "could not be fetched: 503", "again"))
    quality = read(lake)
    assert [one.symbol for one in quality.outside] == ["AMD", "TSLA"]
    assert (quality.total("fetched"), quality.within.total("fetched"), quality.within.total("refused")) == (42, 21, 0)
    text = rendered(lake)
    assert "41 kept + 1 refused = 42 fetched. Of the fetched, 21 are of 2 symbols that the universe does not name: AMD, TSLA." in text
    assert '<th scope="row">TSLA <small>not in the universe</small></th>' in text
    assert "<dd>could not be fetched: no close.</dd>" in text
    assert "BTC/USDT" not in text
    publish(lake, run="outside", universe="sample", timeframe="1d", months=None)
    report = lake.read(report_path("outside")).decode()
    assert "21 kept + 0 refused = 21 fetched." in report
    assert "not in this universe: AMD, TSLA." in report


def test_of_many_symbols_outside_the_universe_the_rest_is_named(lake: Lake, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality_module, "_MOST_OUTSIDE", 1)
    for symbol in ("AAPL", "AMD", "TSLA"):
        store(symbol, days("2018-01-02", "2018-01-31"))
    quality = read(lake)
    assert ([one.symbol for one in quality.outside], quality.unseen) == (["AMD"], ["TSLA"])
    assert "1 more symbols outside the universe: TSLA." in rendered(lake)


def test_two_rows_that_contradict_each_other_show_their_prices(lake: Lake, store: Store) -> None:
    store("AAPL", [*days("2018-01-02", "2018-01-31"), days("2018-01-31", "2018-01-31")[0] | {"close": 11.25}], ("2018-01-31",))
    text = rendered(lake)
    assert '<td class="number">11</td><td class="number">5</td>' in text
    assert '<td class="number">11.25</td><td class="number">5</td>' in text
    assert "<code>high_not_below_open</code>" in text


def test_a_symbol_that_could_not_be_fetched_stands_there_too(lake: Lake, store: Store) -> None:
    store("AAPL", days("2018-01-02", "2018-02-28"))
    record_check(
        lake, "yahoo", "1d", "^GSPC", ["2018-01", "2018-02"], Cause(NOT_FETCHED, "could not be fetched: no such file", "run it again")
    )
    quality = read(lake)
    index = of(quality, "^GSPC")
    assert {month: (one.expected, one.missing, month_style(one)) for month, one in index.months.items()} == {
        "2018-01": (21, 21, "many held"),
        "2018-02": (19, 19, "many held"),
    }
    assert (quality.total("expected"), quality.total("missing"), quality.adds_up) == (80, 40, True)
    text = rendered(lake)
    assert "<dd>could not be fetched: no such file.</dd>" in text
    assert "<dd>run it again.</dd>" in text
    assert "50.00\u202f%" in text
    assert '<th scope="row">^IXIC <small>never asked for</small></th>' in text


def test_a_warning_tells_its_dates(lake: Lake, store: Store) -> None:
    store("AAPL", days("2018-01-02", "2018-01-31"), flags={"2018-01-10": "no_volume", "2018-01-16": "no_volume,large_move"})
    quality = read(lake)
    assert list(quality.warnings) == ["no_volume", "large_move"]
    (odd,) = quality.warnings["no_volume"]
    assert (odd.symbol, odd.bars, [time.day for time in odd.times], odd.held) == ("AAPL", 2, [10, 16], False)
    assert "<time>2018-01-10</time>, <time>2018-01-16</time>" in rendered(lake)


def test_every_row_is_a_bar_or_refused(lake: Lake, store: Store) -> None:
    store("AAPL", days("2018-01-02", "2018-02-28"), ("2018-01-16", "2018-02-05"))
    quality = read(lake)
    assert (quality.total("fetched"), quality.total("kept"), quality.total("refused")) == (40, 38, 2)
    assert quality.adds_up
    assert [row["reason"] for row in quality.refused] == ["high 8 is below open 10"] * 2


def test_a_lost_row_is_seen(lake: Lake, store: Store) -> None:
    store("AAPL", days("2018-01-02", "2018-01-31"), ("2018-01-16",), lost=("2018-01-10",))
    quality = read(lake)
    assert not quality.adds_up
    page_text = rendered(lake)
    assert "rows do not add up" in page_text
    assert "20 fetched" not in page_text
    assert "21 fetched" in page_text


def test_rows_that_are_held_back_or_wait_are_told_apart(lake: Lake, store: Store) -> None:
    store("AAPL", days("2018-01-02", "2018-03-29"), lost=tuple(row["date"] for row in days("2018-02-01", "2018-03-29")))
    record_check(lake, "csv", "1d", "AAPL", ["2018-02"], Cause("complete_enough", "3 of 19 bars are missing", "do"), {"2018-02": 19})
    apple = of(read(lake), "AAPL")
    assert (apple.total("held_rows"), apple.unchecked, apple.adds_up) == (19, 21, True)
    assert month_style(apple.months["2018-02"]) == "full held"
    assert "3 of 19 bars are missing" in rendered(lake)


def test_what_could_not_be_fetched_leaves_what_came_before_as_it_was(lake: Lake, store: Store) -> None:
    store("AAPL", days("2018-01-02", "2018-01-31"), ("2018-01-16",))
    record_check(lake, "csv", "1d", "AAPL", ["2018-01"], Cause(NOT_FETCHED, "no such file", "run it again"))
    apple = of(read(lake), "AAPL")
    assert (apple.total("fetched"), apple.total("kept"), apple.total("refused"), apple.total("older")) == (21, 20, 1, 0)


def checked(lake: Lake, rows: list[dict[str, Any]], clock: str) -> None:
    frame = pd.DataFrame(rows)
    frame["timestamp"] = pd.to_datetime(frame["date"], utc=True)
    span = instant("2018-01-01"), instant("2018-04-01")
    table = pa.Table.from_pandas(frame.reindex(columns=LANDING.names), schema=LANDING, preserve_index=False)
    write_landing(lake, Landed("csv", "AAPL", "1d", Adjustment.SPLIT, *span, instant(clock)), table)
    apple = tuple(pick_instruments(SAMPLE, ["AAPL"]))
    publish_checked(lake, check_bars(lake, CheckRequest("csv", "1d", apple, *span), run="run").plan)


def distinct(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"volume": 5.0 + number} for number, row in enumerate(rows)]


def test_a_held_symbol_shows_what_came_what_was_refused_and_what_still_serves(lake: Lake) -> None:
    rows = distinct(days("2018-01-02", "2018-03-29"))
    checked(lake, rows[:21], "2026-01-01")
    checked(lake, [row | {"high": 1.0} if row["date"][:7] == "2018-02" and row["date"][8:] < "09" else row for row in rows], "2026-01-02")
    quality = read(lake)
    apple = of(quality, "AAPL")
    assert (apple.total("fetched"), apple.total("kept"), apple.total("refused"), apple.total("held_rows")) == (61, 55, 6, 55)
    assert (apple.total("older"), apple.total("missing"), apple.total("turned_away"), apple.total("waiting")) == (0, 6, 6, 55)
    assert [(f"{gap.first:%m-%d}", gap.bars, gap.refused) for gap in apple.gaps] == [("02-01", 6, True)]
    assert [month_style(month) for month in apple.months.values()] == ["full held", "many held", "full held"]
    assert (len(quality.refused), quality.adds_up) == (6, True)
    text = rendered(lake)
    assert "55 kept + 6 refused = 61 fetched; 55 of the kept are held back with their symbol" in text
    assert "6 of 61 bars: 6 came and were refused" in text
    assert "<time>2018-02</time>: 13 of 19 bars, 6 rows refused, held back for this." in text
    assert "correct the refused rows, which lie in quarantine/" in text
    assert "55 rows with it" in text


def test_warnings_of_a_held_symbol_are_told(lake: Lake) -> None:
    """Each session of a month is dated a day later: its Fridays stand on Saturdays, and a session lacks."""
    shifted = [f"{date.fromisoformat(row['date']) + timedelta(days=1)}" for row in days("2018-01-02", "2018-01-30")]
    checked(lake, distinct([row | {"date": day} for row, day in zip(days("2018-01-02", "2018-01-30"), shifted, strict=True)]), "2026-01-01")
    quality = read(lake)
    assert of(quality, "AAPL").total("held_rows") == len(shifted)
    (odd,) = quality.warnings["off_calendar"]
    assert (odd.symbol, odd.bars, [time.day for time in odd.times], odd.held) == ("AAPL", 4, [6, 13, 20, 27], True)
    text = rendered(lake)
    assert '<b>AAPL</b> <span class="chip fair">held back</span> <time>2018-01-06</time>, <time>2018-01-13</time>' in text


def test_bars_of_an_earlier_run_still_serve(lake: Lake) -> None:
    rows = distinct(days("2018-01-02", "2018-03-29"))
    checked(lake, rows, "2026-01-01")
    jump = [row | dict.fromkeys(("open", "high", "low", "close"), 1e4) if row["date"] >= "2018-03-05" else row for row in rows]
    checked(lake, [row | {"volume": -1.0} if row["date"] == "2018-02-05" else row for row in jump], "2026-01-02")
    apple = of(read(lake), "AAPL")
    assert (apple.total("fetched"), apple.total("kept"), apple.total("refused"), apple.total("older")) == (61, 60, 1, 61)
    assert (apple.adds_up, apple.total("missing"), apple.total("turned_away"), apple.total("waiting")) == (True, 1, 1, 0)
    assert [month_style(month) for month in apple.months.values()] == ["full held", "few held", "many held"]
    text = rendered(lake)
    assert "<time>2018-02</time>: 18 of 19 bars, 1 row refused, held back, 19 bars of an earlier run still serve" in text
    assert '<td class="number">60</td><td class="number">61</td><td class="number">0</td></tr>' in text
    publish(lake, run="held", universe="sample", timeframe="1d", months=None)
    report = lake.read(report_path("held")).decode()
    account = "60 kept + 1 refused = 61 fetched; 60 of the kept are held back with their symbol; 61 bars of an earlier run still serve"
    assert account in text
    assert account in report
    assert "<b>61</b><span>bars published; 60 more kept rows are held back</span>" in report
    assert "<b>1</b><span>row refused (1.64\u202f% of 61 fetched)</span>" in report


def test_the_last_year_is_named_however_few_its_months(lake: Lake, store: Store) -> None:
    store("AAPL", days("2017-06-01", "2018-01-31"))
    assert '<th class="year last" colspan="1"><span dir="ltr">’18</span></th>' in rendered(lake)


def test_a_suspected_split_shows_with_its_ratio(lake: Lake, store: Store) -> None:
    rows = days("2018-01-02", "2018-01-31")
    store("AAPL", [row | {"open": 5.5} if row["date"] == "2018-01-10" else row for row in rows], flags={"2018-01-10": "suspected_split"})
    (jump,) = read(lake).jumps
    assert (jump.symbol, jump.flag, jump.before, jump.reached) == ("AAPL", "suspected_split", 11.0, 5.5)
    assert '<td class="number">0.5000</td>' in rendered(lake)


def test_known_outages_of_crypto_are_named_and_not_missing(lake: Lake) -> None:
    hours = pd.date_range("2021-02-11", "2021-02-12", freq="h", tz="UTC", inclusive="left").as_unit("us")
    hours = hours.drop([pd.Timestamp("2021-02-11 04:00", tz="UTC"), pd.Timestamp("2021-02-11 07:00", tz="UTC")])
    frame = pd.DataFrame(
        {"symbol": "BTC/USDT", "timestamp": hours, "closed_at": hours, "close": 1.0, "source": "csv", "adjustment": "none"}
    )
    frame = frame.assign(as_of=hours[0]).reindex(columns=BARS.names)
    table = conform(pa.Table.from_pandas(frame.astype({"open": float, "high": float, "low": float, "volume": float, "adjusted_close": float}), preserve_index=False), BARS, "test")  # fmt: skip
    publish_month(lake, lake.bars("1h"), "2021-02", lambda _: table)
    answer = Landed("csv", "BTC/USDT", "1h", Adjustment.NONE, instant("2021-02-11"), instant("2021-02-12"), instant("2026-01-01"))
    write_landing(lake, answer, table.select(LANDING.names))
    coin = Instrument(symbol="BTC/USDT", name="Bitcoin", kind=Kind.CRYPTO, calendar="24/7", trades_volume=True)
    quality = read_quality_page(lake, Universe(name="coins", description="coins", instruments=(coin,)), "1h")
    (bitcoin,) = quality.symbols
    assert [(gap.first.hour, gap.bars, gap.name) for gap in bitcoin.gaps] == [(4, 1, "Binance 2021-02-11"), (7, 1, "")]
    assert (bitcoin.months["2021-02"].missing, bitcoin.months["2021-02"].outage) == (1, 1)


def test_a_lake_of_nothing_has_a_page_too(lake: Lake) -> None:
    quality = read(lake)
    assert quality.years == {}
    assert quality.adds_up


def test_the_page_is_whole_and_loads_nothing(lake: Lake, store: Store) -> None:
    from tests.unit.ml.report.test_page import parsed

    store("AAPL", days("2018-01-02", "2018-03-29", "2018-02-01"), ("2018-02-05",))
    text = rendered(lake)
    assert parsed(text).loads == []
    assert {link[1:] for link in parsed(text).links if link.startswith("#")} <= set(parsed(text).ids)
    assert "<time>2018-02</time>: 17 of 19 bars, no row came for 1, 1 row refused." in text
    assert "title=" not in text
    assert "59 kept + 1 refused = 60 fetched" in text


def rendered(lake: Lake) -> str:
    content = {
        "quality": read(lake), "universe": SAMPLE, "timeframe": "1d", "run": "r", "made_at": instant("2026-01-01"), "docs": True,
        "words": {}, "refusing": {}, "holding": {}, "warning": {}, "most": 200, "reported": True,
    }  # fmt: skip
    return page.render(content, "quality.html")


def test_the_report_writes_it_beside_itself(report_lake: Lake, tmp_path: Path) -> None:
    from tests.model_lake import registry_at

    with registry_at(tmp_path):
        publish(report_lake, run="beside", universe="sample", timeframe="1d", months=None)
    text = report_lake.read(quality_path("beside")).decode()
    assert "Marketmill quality page" in text
    assert "The high is below the low." in text
    assert "<script" not in text
    assert 'href="quality.html"' in report_lake.read("reports/beside/index.html").decode()


def test_where_everything_is_held_back_it_is_written_without_a_report(lake: Lake) -> None:
    record_check(lake, "csv", "1d", "AAPL", ["2018-02"], Cause("complete_enough", "3 of 19 bars are missing", "do"), {"2018-02": 0})
    with pytest.raises(LakeError, match=r"nothing to report.*; what is held back, and why: .*reports/alone/quality\.html$"):
        publish(lake, run="alone", universe="sample", timeframe="1d", months=None)
    text = lake.read(quality_path("alone")).decode()
    assert "3 of 19 bars are missing" in text
    assert "The report of this run" not in text
    assert 'href="alone/quality.html"' in lake.read("reports/index.html").decode()
    assert not lake.exists("reports/alone/index.html")
