"""The unmodified ib_insync against the stand-in: it reads back what is held, and meets every rule."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.servers.common import BarStore
from tests.servers.common_clock import AdjustableClock
from tests.servers.tws import TwsServer, TwsSettings
from tests.servers.tws.options import computed_chain
from tests.unit.servers.tws.clients import ask_bars, connected, in_own_loop
from tests.unit.servers.tws.real_bars import index_day, index_days, stock_minutes

EVENING = datetime(2018, 6, 15, 21, 0, tzinfo=UTC)
CLOSES = [float(row[4]) for row in index_days() if row[0] < EVENING][-21:]


@pytest.fixture
def server():
    chain = computed_chain("SPY", CLOSES, EVENING)
    tables = {"^GSPC": {"1d": index_days()}, "^VIX": {"1d": index_days()[:300]}, "AAPL": {"1m": stock_minutes()}}
    with TwsServer(BarStore(tables), options=chain, clock=AdjustableClock(EVENING)) as running:
        yield running


def make(**settings):
    return TwsServer(
        BarStore({"^GSPC": {"1d": index_days()}, "SPY": {"1d": index_days()}}),
        options=computed_chain("SPY", CLOSES, EVENING),
        clock=AdjustableClock(EVENING),
        settings=TwsSettings(**settings),
    )


def plain(bars):
    return [(bar.date, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars]


def spx():
    from ib_insync import Index

    return Index("SPX", "CBOE", "USD")


@pytest.mark.parametrize("version", [157, 163, 164, 176])
def test_daily_bars_come_back_exactly_in_every_version(version: int) -> None:
    async def work():
        async with connected(server) as ib:
            assert ib.client.serverVersion() == version
            details = await ib.reqContractDetailsAsync(spx())
            return details, await ask_bars(ib, spx(), datetime(2018, 5, 31, 23, tzinfo=UTC), "1 Y", "1 day")

    with make(server_version=version) as server:
        details, bars = in_own_loop(work)
    assert [item.contract.symbol for item in details] == ["SPX"]
    assert details[0].timeZoneId == "US/Eastern"
    held = [(row[0].date(), *row[1:6]) for row in index_days() if date(2017, 6, 1) <= row[0].date() <= date(2018, 5, 31)]
    assert plain(bars) == held
    assert server.violations() == []


@pytest.mark.parametrize("size", ["1 min", "5 mins", "15 mins", "1 hour"])
def test_intraday_bars_are_the_same_moments_in_both_date_formats(size: str) -> None:
    duration = {"1 min": "1 D", "5 mins": "1 W", "15 mins": "1 W", "1 hour": "1 M"}[size]

    async def work():
        from ib_insync import Stock

        apple = Stock("AAPL", "SMART", "USD")
        async with connected(server) as ib:
            end = datetime(2026, 8, 5, 22, tzinfo=UTC)
            return [await ask_bars(ib, apple, end, duration, size, formatDate=form) for form in (1, 2)]

    with TwsServer(BarStore({"AAPL": {"1m": stock_minutes()}}), clock=AdjustableClock(datetime(2026, 8, 7, tzinfo=UTC))) as server:
        local, epoch = in_own_loop(work)
    assert str(local[0].date.tzinfo) == "US/Eastern"
    assert epoch[0].date.tzinfo == UTC
    assert plain(local) == plain(epoch)
    if size == "1 min":
        last = [tuple(row) for row in stock_minutes() if row[0].date() == date(2026, 8, 5)]
        assert plain(epoch) == last


@pytest.mark.parametrize(("regular", "count"), [(True, 390), (False, 391)])
def test_only_regular_hours_are_sent_where_they_are_asked_for(regular: bool, count: int) -> None:
    async def work():
        from ib_insync import Stock

        async with connected(server) as ib:
            return await ask_bars(ib, Stock("AAPL", "SMART", "USD"), "", "1 D", "1 min", useRTH=regular)

    early = (datetime(2026, 8, 5, 12, tzinfo=UTC), 1.0, 1.0, 1.0, 1.0, 1.0)
    tables = {"AAPL": {"1m": [early, *stock_minutes()]}}
    with TwsServer(BarStore(tables), clock=AdjustableClock(datetime(2026, 8, 5, 22, tzinfo=UTC))) as server:
        assert len(in_own_loop(work)) == count


def test_ten_years_walked_backwards_are_complete(server: TwsServer) -> None:
    async def work():
        gathered = {}
        async with connected(server) as ib:
            end = datetime(2018, 6, 15, 21, tzinfo=UTC)
            while end > datetime(2016, 1, 5, tzinfo=UTC):
                bars = await ask_bars(ib, spx(), end, "1 Y", "1 day")
                gathered |= {row[0]: row for row in plain(bars)}
                first = bars[0].date
                end = datetime(first.year, first.month, first.day, tzinfo=UTC)
        return gathered

    gathered = in_own_loop(work)
    held = {row[0].date(): (row[0].date(), *row[1:6]) for row in index_days() if row[0] < EVENING}
    assert gathered == held


def test_days_are_trading_days(server: TwsServer) -> None:
    async def work():
        async with connected(server) as ib:
            return await ask_bars(ib, spx(), datetime(2018, 5, 29, 22, tzinfo=UTC), "5 D", "1 day")

    # Monday the 28th was a holiday, before it a weekend.
    assert [bar.date.day for bar in in_own_loop(work)] == [22, 23, 24, 25, 29]


def test_the_session_under_way_brings_an_unfinished_bar() -> None:
    async def work():
        async with connected(server) as ib:
            during = await ask_bars(ib, spx(), "", "2 D", "1 day")
            later = await ask_bars(ib, spx(), datetime(2018, 6, 28, tzinfo=UTC), "2 D", "1 day")
            assert plain(later) == plain(during)  # a future end is now
            clock.advance(3600 * 5)
            return during, await ask_bars(ib, spx(), "", "2 D", "1 day")

    clock = AdjustableClock(datetime(2018, 6, 15, 17, 0, tzinfo=UTC))
    with TwsServer(BarStore({"^GSPC": {"1d": index_days()}}), clock=clock) as server:
        during, after = in_own_loop(work)
    assert [bar.date for bar in during] == [bar.date for bar in after] == [date(2018, 6, 14), date(2018, 6, 15)]
    assert plain(during)[0] == plain(after)[0]
    assert plain(during)[1] != plain(after)[1] == (date(2018, 6, 15), *map(float, index_day(date(2018, 6, 15))[1:6]))


def test_restated_history_is_served_restated(server: TwsServer) -> None:
    async def work():
        async with connected(server) as ib:
            return await ask_bars(ib, spx(), "", "1 D", "1 day")

    server.replace("^GSPC", "1d", [(*row[:4], row[4] / 2, row[5]) for row in index_days()])
    assert in_own_loop(work)[0].close == index_day(date(2018, 6, 15))[4] / 2
    with pytest.raises(ValueError, match="not held"):
        server.replace("MSFT", "1d", [])


def test_adjusted_bars_need_an_open_end(server: TwsServer) -> None:
    async def work():
        async with connected(server) as ib:
            adjusted = await ask_bars(ib, spx(), "", "1 W", "1 day", whatToShow="ADJUSTED_LAST")
            with pytest.raises(Exception, match=r"321: .*End date not supported with adjusted last"):
                await ask_bars(ib, spx(), EVENING, "1 W", "1 day", whatToShow="ADJUSTED_LAST")
            return adjusted

    assert in_own_loop(work)[-1].close == pytest.approx(index_day(date(2018, 6, 15))[6])
    assert [violation.rule for violation in server.violations()] == ["no end with ADJUSTED_LAST"]


def test_the_head_stamp_in_both_formats(server: TwsServer) -> None:
    async def work():
        async with connected(server) as ib:
            return [await ib.reqHeadTimeStampAsync(spx(), "TRADES", True, form) for form in (1, 2)]

    naive, aware = in_own_loop(work)
    assert naive.isoformat() == "2016-01-04T14:30:00"
    assert aware == datetime(2016, 1, 4, 14, 30, tzinfo=UTC)


def test_option_parameters_and_a_snapshot_with_greeks(server: TwsServer) -> None:
    async def work():
        from ib_insync import Option, Stock

        async with connected(server) as ib:
            (spy,) = await ib.qualifyContractsAsync(Stock("SPY", "SMART", "USD"))
            chains = await ib.reqSecDefOptParamsAsync("SPY", "", "STK", spy.conId)
            expiry, strikes = chains[0].expirations[0], chains[0].strikes[2:5]
            legs = [Option("SPY", expiry, strike, right, "SMART") for strike in strikes for right in "CP"]
            legs = await ib.qualifyContractsAsync(*legs)
            return chains, await ib.reqTickersAsync(*legs)

    chains, tickers = in_own_loop(work)
    assert [(chain.exchange, len(chain.expirations), len(chain.strikes)) for chain in chains] == [
        ("SMART", 3, 7),
        ("CBOE", 3, 7),
    ]
    assert len(tickers) == 6
    for ticker in tickers:
        call = ticker.contract.right == "C"
        assert ticker.bid < ticker.modelGreeks.optPrice < ticker.ask
        assert ticker.modelGreeks.undPrice == CLOSES[-1]
        assert (ticker.modelGreeks.delta > 0) == call
        assert ticker.bidGreeks.impliedVol < ticker.modelGreeks.impliedVol < ticker.askGreeks.impliedVol
        assert ticker.marketDataType == 1


def test_no_subscription_no_live_data_but_delayed() -> None:
    async def work():
        from ib_insync import Stock

        spy = Stock("SPY", "SMART", "USD")
        async with connected(server) as ib:
            with pytest.raises(Exception, match=r"354: .*Delayed market data is available\.SPY/TOP/ALL"):
                await ib.reqTickersAsync(spy)
            ib.reqMarketDataType(3)
            (ticker,) = await ib.reqTickersAsync(spy)
            return ticker, ib.seen

    with make(subscribed=False) as server:
        ticker, seen = in_own_loop(work)
    assert ticker.marketDataType == 3
    assert ticker.last == index_day(date(2018, 6, 15))[4]
    assert 10167 in [code for _, code, _ in seen]


def test_market_data_lines_are_limited_and_freed_by_cancelling() -> None:
    async def work():
        from ib_insync import Stock

        spy, gspc = Stock("SPY", "SMART", "USD"), spx()
        async with connected(server) as ib:
            first = ib.reqMktData(spy)
            await asyncio.sleep(0.1)
            with pytest.raises(Exception, match="101: Max number of tickers has been reached"):
                await ib.reqTickersAsync(gspc)
            ib.cancelMktData(spy)
            (later,) = await ib.reqTickersAsync(gspc)
            ib.client.cancelMktData(999)
            await asyncio.sleep(0.1)
            return first, later, ib.seen[-1]

    with make(market_data_lines=1) as server:
        first, later, last = in_own_loop(work)
    assert first.last == later.last == index_day(date(2018, 6, 15))[4]
    assert last == (999, 300, "Can't find EId with tickerId:999")
    assert [violation.rule for violation in server.violations()] == ["1 market data lines"]


def test_errors_of_a_wrong_request(server: TwsServer) -> None:
    async def work():
        from ib_insync import Contract, Index, Stock

        apple, end = Stock("AAPL", "SMART", "USD"), datetime(1999, 1, 1, tzinfo=UTC)
        cases = [
            (Stock("NOPE", "SMART", "USD"), "", "1 D", "1 day", {}, "200: No security definition"),
            (Stock("AAPL", "SMART", ""), "", "1 D", "1 day", {}, "200: .*AAPL is ambiguous"),
            (Index("VIX", "SMART", "USD"), "", "1 D", "1 day", {}, "200: No security definition"),
            (Stock("AAPL", "", "USD"), "", "1 D", "1 day", {}, "321: .*Please enter exchange"),
            (spx(), end, "1 Y", "1 day", {}, "162: .*HMDS query returned no data: SPX@CBOE Trades"),
            (spx(), "", "1 D", "1 days", {}, "321: .*bar size setting is invalid"),
            (spx(), "", "400 D", "1 day", {}, "321: .*must be made in years"),
            (spx(), "", "1 Y", "1 min", {}, "162: .*Time length exceed max"),
            (spx(), "", "1 D", "1 day", {"whatToShow": "LAST"}, "321: .*Invalid historical data type"),
            (spx(), "", "1 D", "1 day", {"whatToShow": "BID"}, "321: .*holds no BID bars"),
            (apple, "", "1 D", "1 day", {}, "321: .*holds no 1 day bars of AAPL"),
            (Stock("AAPL", "MEXI", "MXN"), "", "1 D", "1 day", {}, "321: .*holds no 1 day bars of AAPL"),
        ]
        async with connected(server) as ib:
            for contract, until, duration, size, options, words in cases:
                with pytest.raises(Exception, match=words):
                    await ask_bars(ib, contract, until, duration, size, **options)
            (vix,) = await ib.qualifyContractsAsync(Index("VIX", "CBOE", "USD"))
            by_id = Contract(conId=vix.conId)
            return await ask_bars(ib, by_id, datetime(2016, 6, 1, tzinfo=UTC), "1 M", "1 day")

    assert len(in_own_loop(work)) == 21
    rules = [violation.rule for violation in server.violations()]
    assert rules == ["exchange in a data request", "legal bar size", "years", "step sizes", "legal data type"]


def test_small_bars_are_paced_and_old_ones_do_not_exist(server: TwsServer) -> None:
    async def work():
        async with connected(server) as ib:
            with pytest.raises(Exception, match=r"162: .*no data"):
                await ask_bars(ib, spx(), EVENING - timedelta(days=200), "1800 S", "30 secs")
            asked = [ask_bars(ib, spx(), EVENING, "1800 S", "30 secs") for _ in range(2)]
            return await asyncio.gather(*asked, return_exceptions=True)

    first, second = in_own_loop(work)
    assert first.code == 321  # the stand-in holds no 30 s bars
    assert (second.code, second.message.split(":")[1]) == (162, "Historical data request pacing violation")
    assert [violation.rule for violation in server.violations()] == ["identical request within 15 s"]


def test_the_quota_counts_all_clients_and_comes_back_with_time() -> None:
    async def work():
        async with connected(server, client_id=1) as one, connected(server, client_id=2) as two:
            for number in range(60):
                clock.advance(5)
                end = EVENING - timedelta(days=number)
                await ask_bars((one, two)[number % 2], spx(), end, "1 W", "1 day")
            with pytest.raises(Exception, match="pacing violation"):
                await ask_bars(one, spx(), EVENING - timedelta(days=70), "1 W", "1 day")
            clock.advance(600)
            await ask_bars(two, spx(), EVENING - timedelta(days=71), "1 W", "1 day")

    clock = AdjustableClock(EVENING)
    with TwsServer(BarStore({"^GSPC": {"1d": index_days()}}), clock=clock, settings=TwsSettings(pace_every_size=True)) as server:
        in_own_loop(work)
    assert [violation.rule for violation in server.violations()] == ["60 requests in 10 min"]
    assert len(server.requests("history")) == 62


def test_open_requests_are_limited() -> None:
    async def work():
        async with connected(server) as ib:
            asked = [ask_bars(ib, spx(), EVENING - timedelta(days=i), "1 W", "1 day") for i in range(4)]
            return await asyncio.gather(*asked, return_exceptions=True)

    with make(open_histories=3, latency=0.2) as server:
        answers = in_own_loop(work)
    assert [len(answer) for answer in answers[:3]] == [5, 5, 5]
    assert "Only 50 simultaneous API historical data requests allowed" in answers[3].message
    assert [violation.rule for violation in server.violations()] == ["3 open historical requests"]


def test_ib_insync_keeps_to_the_message_rate_and_a_flood_is_thrown_out(server: TwsServer) -> None:
    async def even():
        async with connected(server) as ib:
            await asyncio.gather(*(ib.reqContractDetailsAsync(spx()) for _ in range(70)))

    async def flood():
        async with connected(server) as ib:
            ib.client.MaxRequests = 0
            with pytest.raises(ConnectionError, match="Socket disconnect"):
                await asyncio.gather(*(ib.reqContractDetailsAsync(spx()) for _ in range(200)))
            return ib.seen[-1]

    in_own_loop(even)
    assert server.violations() == []
    assert in_own_loop(flood)[1:] == (100, "Max rate of messages per second has been exceeded.")
    assert [violation.rule for violation in server.violations()] == ["50 messages per second"]


def test_what_is_asked_is_on_record(server: TwsServer) -> None:
    async def work():
        async with connected(server, client_id=190) as ib:
            await ask_bars(ib, spx(), datetime(2018, 6, 1, tzinfo=UTC), "1 M", "1 day")

    in_own_loop(work)
    (entry,) = server.requests("history")
    assert (entry.client_id, entry.symbol, entry.outcome) == (190, "SPX", "answered")
    assert entry.details["end"] == "20180601 00:00:00 UTC"
    assert (entry.details["duration"], entry.details["bar_size"]) == ("1 M", "1 day")
    server.forget()
    assert server.requests() == []
