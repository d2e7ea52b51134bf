"""A second, independent client: IBKR's own ibapi, which speaks version 157."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime

import pytest

from tests.servers.common import BarStore
from tests.servers.common_clock import AdjustableClock
from tests.servers.tws import Fault, TwsServer
from tests.servers.tws.options import computed_chain
from tests.unit.servers.tws.real_bars import index_day, index_days, stock_minutes

pytest.importorskip("ibapi", reason="IBKR's own client is not installed: pip install ibapi==9.81.1.post1")

from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.wrapper import EWrapper

EVENING = datetime(2018, 6, 15, 21, 0, tzinfo=UTC)
ENDS = {
    "contractDetailsEnd",
    "historicalDataEnd",
    "headTimestamp",
    "securityDefinitionOptionParameterEnd",
    "tickSnapshotEnd",
    "currentTime",
}


class Client(EWrapper, EClient):
    """Collects every callback; ``ask`` sends one request and waits for its end or error."""

    def __init__(self, server: TwsServer, client_id: int = 1) -> None:
        EClient.__init__(self, self)
        self.calls = []
        self.errors = []
        self.ready = threading.Event()
        self.over = threading.Event()
        self.connect(server.host, server.port, client_id)
        self.reading = self.reader
        self.loop = threading.Thread(target=self.run, daemon=True)
        self.loop.start()

    def __enter__(self):
        assert self.ready.wait(5), self.errors
        return self

    def __exit__(self, *_):
        self.disconnect()
        self.loop.join(5)
        self.reading.join(5)

    def logAnswer(self, name, arguments):
        self.calls.append((name, {key: value for key, value in arguments.items() if key != "self"}))
        if name in ENDS:
            self.over.set()

    def nextValidId(self, orderId):
        self.ready.set()

    def error(self, reqId, errorCode, errorString):
        self.errors.append((reqId, errorCode, errorString))
        if reqId >= 0 and errorCode != 10167:
            self.over.set()

    def ask(self, request, *arguments):
        self.calls.clear()
        self.over.clear()
        request(*arguments)
        assert self.over.wait(5), (self.calls, self.errors)
        return self.calls

    def named(self, name):
        return [arguments for called, arguments in self.calls if called == name]


@pytest.fixture
def server():
    closes = [float(row[4]) for row in index_days() if row[0] < EVENING][-21:]
    tables = {"^GSPC": {"1d": index_days()}, "SPY": {"1d": index_days()}}
    chain = computed_chain("SPY", closes, EVENING)
    with TwsServer(BarStore(tables), options=chain, clock=AdjustableClock(EVENING)) as running:
        yield running


def contract(symbol: str, kind: str, exchange: str, **fields):
    made = Contract()
    made.symbol, made.secType, made.exchange, made.currency = symbol, kind, exchange, "USD"
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def spx():
    return contract("SPX", "IND", "CBOE")


def test_contract_details(server: TwsServer) -> None:
    with Client(server) as client:
        assert client.serverVersion() == 157
        client.ask(client.reqContractDetails, 1, spx())
        (found,) = client.named("contractDetails")
    details = found["contractDetails"]
    assert (details.contract.symbol, details.contract.exchange, details.contract.secType) == ("SPX", "CBOE", "IND")
    assert (details.timeZoneId, details.validExchanges, details.minTick) == ("US/Eastern", "CBOE", 0.01)
    assert details.tradingHours.startswith("20180615:0930-20180615:1600;20180616:CLOSED")


def test_daily_bars(server: TwsServer) -> None:
    with Client(server) as client:
        client.ask(client.reqHistoricalData, 2, spx(), "20180531-23:00:00", "1 M", "1 day", "TRADES", 1, 2, False, [])
        bars = [call["bar"] for call in client.named("historicalData")]
    held = [row for row in index_days() if date(2018, 5, 1) <= row[0].date() <= date(2018, 5, 31)]
    assert [(b.date, b.open, b.high, b.low, b.close, b.volume) for b in bars] == [(row[0].strftime("%Y%m%d"), *row[1:6]) for row in held]
    assert len(bars) == 22


def test_intraday_bars_in_both_date_formats() -> None:
    clock = AdjustableClock(datetime(2026, 8, 7, tzinfo=UTC))
    apple = contract("AAPL", "STK", "SMART")
    dates = []
    with TwsServer(BarStore({"AAPL": {"1m": stock_minutes()}}), clock=clock) as server, Client(server) as client:
        for form in (1, 2):
            end = "20260805 16:00:00 US/Eastern"
            client.ask(client.reqHistoricalData, form, apple, end, "1 D", "5 mins", "TRADES", 1, form, False, [])
            dates.append([call["bar"].date for call in client.named("historicalData")])
    assert (len(dates[0]), dates[0][0]) == (78, "20260805 09:30:00 US/Eastern")
    assert dates[1][0] == str(int(datetime(2026, 8, 5, 13, 30, tzinfo=UTC).timestamp()))


def test_fractions_of_a_volume_are_rounded_for_an_old_client() -> None:
    rows = [(*row[:5], row[5] + 0.25) for row in stock_minutes()]
    bitcoin = contract("BTC", "CRYPTO", "PAXOS", currency="USDT")
    clock = AdjustableClock(datetime(2026, 8, 5, 20, tzinfo=UTC))
    with TwsServer(BarStore({"BTC/USDT": {"1m": rows}}), clock=clock) as server, Client(server) as client:
        client.ask(client.reqHistoricalData, 1, bitcoin, "", "1800 S", "1 min", "TRADES", 1, 2, False, [])
        bars = [call["bar"] for call in client.named("historicalData")]
    held = {int(row[0].timestamp()): row[5] for row in stock_minutes()}
    assert [bar.volume for bar in bars] == [held[int(bar.date)] for bar in bars]
    assert len(bars) == 30


def test_head_stamp_and_time(server: TwsServer) -> None:
    with Client(server) as client:
        client.ask(client.reqHeadTimeStamp, 3, spx(), "TRADES", 1, 1)
        assert client.named("headTimestamp")[0]["headTimestamp"] == "20160104-14:30:00"
        client.ask(client.reqCurrentTime)
        assert client.named("currentTime")[0]["time"] == EVENING.timestamp()


def test_option_parameters_and_greeks(server: TwsServer) -> None:
    with Client(server) as client:
        client.ask(client.reqContractDetails, 4, contract("SPY", "STK", "SMART"))
        number = client.named("contractDetails")[0]["contractDetails"].contract.conId
        client.ask(client.reqSecDefOptParams, 5, "SPY", "", "STK", number)
        chain = client.named("securityDefinitionOptionParameter")[0]
        expiry, strike = min(chain["expirations"]), sorted(chain["strikes"])[3]
        leg = contract("SPY", "OPT", "SMART", lastTradeDateOrContractMonth=expiry, strike=strike, right="C")
        client.ask(client.reqMktData, 6, leg, "", True, False, [])
        prices = {call["tickType"]: call["price"] for call in client.named("tickPrice")}
        greeks = {call["tickType"]: call for call in client.named("tickOptionComputation")}
    assert prices[1] < greeks[13]["optPrice"] < prices[2]
    assert 0 < greeks[13]["delta"] < 1
    assert greeks[10]["impliedVol"] < greeks[13]["impliedVol"] < greeks[11]["impliedVol"]
    assert greeks[13]["undPrice"] == index_day(date(2018, 6, 15))[4]


def test_errors(server: TwsServer) -> None:
    history = ("20180601-00:00:00", "1 M", "1 day", "TRADES", 1, 2, False, [])
    server.faults.add(Fault.pacing(), Fault("silent", after=1))
    with Client(server) as client:
        client.ask(client.reqHistoricalData, 10, spx(), *history)
        client.ask(client.reqContractDetails, 11, contract("NOPE", "STK", "SMART"))
        client.ask(client.reqHistoricalData, 12, spx(), "19990101-00:00:00", *history[1:])
        client.reqHistoricalData(13, spx(), *history)
        client.ask(client.cancelHistoricalData, 13)
        assert not client.named("historicalData")
        got = [(number, code, text.rsplit(":", 1)[-1]) for number, code, text in client.errors if number >= 0]
    assert got == [
        (10, 162, "Historical data request pacing violation"),
        (11, 200, "No security definition has been found for the request"),
        (12, 162, " SPX@CBOE Trades"),
        (13, 162, " 13"),
    ]
    assert [code for _, code, _ in client.errors][:3] == [2104, 2106, 2158]
    assert server.violations() == []


def test_a_client_id_in_use(server: TwsServer) -> None:
    with Client(server, 5):
        second = Client(server, 5)
        second.loop.join(5)
        assert not second.ready.is_set()
        assert [code for _, code, _ in second.errors] == [326]
