"""Yahoo Finance on 127.0.0.1, reached through ``HTTPS_PROXY``."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import ClassVar

from tests.servers.common import BarStore, null_bar
from tests.servers.common_clock import Clock
from tests.servers.http.faults import Fault
from tests.servers.http.messages import Answer, Request
from tests.servers.http.stand_in import StandIn, without_proxy
from tests.servers.http.yahoo.access import Quota, consent_page, cookie_page, crumb_of, crumb_page, invalid, too_many
from tests.servers.http.yahoo.authority import open_authority
from tests.servers.http.yahoo.chart import ChartError, ChartQuery, chart, error_body, not_found
from tests.servers.http.yahoo.history import DAILY, History, history
from tests.servers.http.yahoo.instruments import Action, instrument
from tests.servers.http.yahoo.options import OptionLine, option_chain

DOMAIN = ".yahoo.com"
HOSTS = ("query1.finance", "query2.finance", "finance", "fc", "guce", "consent")
_BUNDLES = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
_CHART, _OPTIONS, _SUMMARY = "/v8/finance/chart/", "/v7/finance/options/", "/v10/finance/quoteSummary/"
_EVERY = 5


class YahooStandIn(StandIn):
    """Charts and option chains as yfinance asks for them; set :attr:`environment` in the client's process.

    Prices are on the scale of the splits known at the clock's time, and the adjusted close knows the dividends until
    then, so that moving the clock over an action restates history.

    Parameters
    ----------
    bars
        By Yahoo's symbols. Rows on the scale of all ``actions``; daily rows are stamped with the session's opening.
    actions
        Splits and dividends by symbol, also those after the clock's time.
    options
        Chains by symbol.
    clock, port
        See :class:`StandIn`.
    per_minute, pause
        See :class:`Quota`.
    certificates
        Folder of the authority, which is made where it is not there; a temporary one if left out.
    """

    name = "yahoo"
    own_faults: ClassVar[Mapping[str, str]] = {
        "nulls": f"a chart in which every {_EVERY}th row is null",
        "null_result": "a chart whose result is null, without an error",
    }

    def __init__(
        self,
        bars: BarStore,
        *,
        actions: Mapping[str, Sequence[Action]] | None = None,
        options: Mapping[str, Sequence[OptionLine]] | None = None,
        clock: Clock | None = None,
        port: int = 0,
        per_minute: int = 120,
        pause: float = 60.0,
        certificates: Path | None = None,
    ) -> None:
        super().__init__(bars, clock=clock, port=port)
        self.actions = dict(actions or {})
        self.options = dict(options or {})
        self.quota = Quota(per_minute, pause)
        self._temporary = None if certificates else TemporaryDirectory(prefix="yahoo-stand-in-")
        folder = certificates or Path(self._temporary.name if self._temporary else "")
        authority = open_authority(folder)
        self.authority = folder / "authority.pem"
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.set_alpn_protocols(["http/1.1"])
        authority.issue_cert(*(host + DOMAIN for host in HOSTS)).configure_cert(self.tls)

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead an unmodified yfinance here; an already-set bundle of another name would win."""
        proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), self.address)
        return {**proxies, **dict.fromkeys(_BUNDLES, str(self.authority)), **without_proxy()}

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(kind, error, trace)
        if self._temporary:
            self._temporary.cleanup()

    def allows(self, host: str) -> bool:
        """Only the hosts that the certificate names."""
        return host.endswith(DOMAIN) and host.removesuffix(DOMAIN) in HOSTS

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """Route by host and path."""
        match request.host.removesuffix(DOMAIN):
            case "fc":
                return cookie_page(404)
            case "guce" if request.path == "/consent":
                return consent_page()
            case "guce" | "consent":
                return cookie_page(200)
            case "query1.finance" | "query2.finance":
                return self._limited(request, fault)
        return Answer.html(404, "404 Not Found")

    def refusal(self, request: Request, fault: Fault) -> Answer:
        """The status as the asked path words it."""
        match fault.status:
            case 429:
                return too_many()
            case 401:
                return invalid(fault.text or "Invalid Crumb")
            case 404:
                return _chart_error(not_found())
            case status if status < 500:
                name = "Unprocessable Entity" if status == 422 else "Bad Request"
                return _chart_error(ChartError(status, name, fault.text or "Invalid input"))
            case 503:
                return Answer.html(503, fault.text or "Will be right back...")
        return Answer.html(fault.status, fault.text or f"{fault.status} {HTTPStatus(fault.status).phrase}")

    def empty(self, request: Request) -> Answer:
        """An empty list as result."""
        key = "optionChain" if request.path.startswith(_OPTIONS) else "chart"
        return Answer.json({key: {"result": [], "error": None}})

    def known(self, symbol: str, interval: str = DAILY) -> History:
        """What the stand-in shows of a symbol at the clock's time: what a client must read back."""
        tables = self.bars.tables(symbol)
        now = self.clock.now().timestamp()
        return history(tables, self.actions.get(symbol, ()), instrument(symbol), interval, now)

    def _limited(self, request: Request, fault: Fault | None) -> Answer:
        now = self.clock.now()
        refused, rule = self.quota.refuses(now.timestamp())
        if rule:
            self.record.violation(now, rule, request.target)
        if refused:
            return too_many()
        if request.path == "/v1/test/getcrumb":
            return crumb_page(request)
        for prefix, serve in ((_CHART, self._chart), (_OPTIONS, self._options), (_SUMMARY, self._summary)):
            if request.path.startswith(prefix):
                return serve(request, request.path.removeprefix(prefix), fault.kind if fault else "")
        return Answer.json({"finance": {"result": None, "error": {"code": "Not Found", "description": ""}}}, 404)

    def _chart(self, request: Request, symbol: str, fault: str) -> Answer:
        if fault == "null_result":
            return Answer.json({"chart": {"result": None, "error": None}})
        now = self.clock.now().timestamp()
        try:
            asked = ChartQuery.parse(request.query, now)
            known = self.known(symbol, asked.interval)
            if symbol not in self.bars.symbols:
                raise not_found()
        except ChartError as error:
            return _chart_error(error)
        if fault == "nulls":
            known.bars[::_EVERY] = [null_bar(bar.start) for bar in known.bars[::_EVERY]]
        return Answer.json(chart(asked, request.query, known, instrument(symbol), now))

    def _options(self, request: Request, symbol: str, fault: str) -> Answer:
        crumb = crumb_of(request)
        if not crumb or request.query.get("crumb") != crumb:
            return invalid("Invalid Crumb")
        bars = [bar for bar in self.known(symbol).bars if not bar.is_null]
        price = bars[-1].close if bars else None
        return Answer.json(option_chain(symbol, self.options.get(symbol, ()), request.query, price, self.clock.now()))

    def _summary(self, request: Request, symbol: str, fault: str) -> Answer:
        if symbol not in self.bars.symbols:
            error = {"code": "Not Found", "description": f"Quote not found for symbol: {symbol}"}
            return Answer.json({"quoteSummary": {"result": None, "error": error}}, 404)
        market = instrument(symbol)
        kind = {
            "symbol": symbol,
            "quoteType": market.kind,
            "exchange": market.exchange,
            "timeZoneFullName": market.zone,
        }
        return Answer.json({"quoteSummary": {"result": [{"quoteType": kind}], "error": None}})


def _chart_error(error: ChartError) -> Answer:
    return Answer.json(error_body(error.code, error.description), error.status)
