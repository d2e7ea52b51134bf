"""What the stand-in answers to a request that nothing forbids: frames, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.servers.common import Bar
from tests.servers.tws import messages
from tests.servers.tws.bars import DAY, around, begin_of, between, in_regular_hours
from tests.servers.tws.contracts import OPTION_EXCHANGES, StandInContract
from tests.servers.tws.gateway import Gateway
from tests.servers.tws.history_rules import Span
from tests.servers.tws.refusals import invalid, no_data, no_head_stamp
from tests.servers.tws.requests import ContractRequest, HeadRequest, HistoryRequest, OptionParametersRequest


def find_only(gateway: Gateway, request: ContractRequest) -> StandInContract:
    """The contract of a data request.

    Raises
    ------
    Refusal
        321 without exchange, 200 if none or several fit.
    """
    query = request.contract
    if not query.con_id and not query.exchange:
        raise invalid("Please enter exchange", "exchange in a data request")
    return gateway.contracts.only(query, gateway.clock.now())


def contract_details(gateway: Gateway, request: ContractRequest, version: int) -> list[bytes]:
    """Every contract that fits, then the end."""
    now = gateway.clock.now()
    found = gateway.contracts.find(request.contract, now)
    frames = [messages.contract_details(version, request.request_id, item, _hours(item, now)) for item in found]
    return [*frames, messages.contract_details_end(request.request_id)]


def head_timestamp(gateway: Gateway, request: HeadRequest) -> list[bytes]:
    """The oldest moment with data."""
    contract = find_only(gateway, request)
    moment = gateway.bars.first_moment(contract.table, contract.session)
    if moment is None:
        raise no_head_stamp() if contract.table else invalid(f"the stand-in holds no bars of {contract.local_symbol}", "")
    return [messages.head_timestamp(request.request_id, moment, epoch=request.date_format == 2)]


def history(gateway: Gateway, request: HistoryRequest, version: int, span: Span, contract: StandInContract) -> list[bytes]:
    """The bars of the range.

    Raises
    ------
    Refusal
        162 without bars in the range; 321 for data that the stand-in does not have at all, so that a gap in its
        tables never looks like "no data".
    """
    nothing = no_data(contract.symbol, contract.exchange, request.what)
    if gateway.reaches_too_far(span):
        raise nothing
    if request.what not in {"TRADES", "ADJUSTED_LAST"}:
        raise invalid(f"the stand-in holds no {request.what} bars", "")
    held = gateway.bars.bars(contract.table, span.bar_seconds, contract.session)
    if held is None:
        raise invalid(f"the stand-in holds no {request.bar_size} bars of {contract.local_symbol}", "")
    now = gateway.clock.now()
    end = min(span.end, now)
    known = around(held, _oldest(span, end), end)
    if request.regular_hours and span.bar_seconds != DAY:
        known = [bar for bar in known if in_regular_hours(bar, contract.session)]
    start = _start(known, span, contract, end)
    chosen = between(known, span.bar_seconds, contract.session, start, end, now=now)
    if request.what == "ADJUSTED_LAST":
        chosen = [_adjusted(bar, contract.table) for bar in chosen]
    if not chosen:
        raise nothing
    zone = gateway.settings.time_zone
    shown = (messages.local_text(start, zone), messages.local_text(end, zone))
    epoch = request.date_format == 2
    seconds = span.bar_seconds
    return [messages.history(version, request.request_id, chosen, span=shown, seconds=seconds, epoch=epoch, zone=zone)]


def option_parameters(gateway: Gateway, request: OptionParametersRequest) -> list[bytes]:
    """Expiries and strikes per exchange, then the end."""
    now = gateway.clock.now()
    book = list(gateway.contracts)
    underlying = next((item for item in book if item.con_id == request.con_id and not item.under_con_id), None)
    if underlying is None or underlying.symbol != request.underlying:
        raise invalid("Invalid contract id", "contract id of the underlying")
    today = now.astimezone(ZoneInfo(underlying.session.zone)).strftime("%Y%m%d")
    chain = [item for item in book if item.under_con_id == request.con_id and item.expiry >= today]
    expiries, strikes = {item.expiry for item in chain}, {item.strike for item in chain}
    exchanges = [name for name in OPTION_EXCHANGES if chain and request.exchange in {"", name}]
    frames = [messages.option_parameters(request.request_id, name, underlying, expiries, strikes) for name in exchanges]
    return [*frames, messages.option_parameters_end(request.request_id)]


def _oldest(span: Span, end: datetime) -> datetime:
    """A moment before which the span never reaches: N trading days are less than 2 N + 10 days."""
    if span.duration.unit == "D":
        return end - timedelta(days=2 * span.duration.count + 10)
    return span.duration.back_from(end)


def _start(bars: Sequence[Bar], span: Span, contract: StandInContract, end: datetime) -> datetime:
    oldest = _oldest(span, end)
    if span.duration.unit != "D":
        return oldest
    if contract.session.always_open:
        return end - timedelta(days=span.duration.count)
    # N trading days: the newest N local dates that have bars.
    zone = ZoneInfo(contract.session.zone)
    moments = (begin_of(bar, span.bar_seconds, contract.session) for bar in bars)
    dates = sorted({moment.astimezone(zone).date() for moment in moments if oldest <= moment < end})
    if not dates:
        return oldest
    first = dates[-span.duration.count :][0]
    return datetime(first.year, first.month, first.day, tzinfo=zone)


def _adjusted(bar: Bar, table: str) -> Bar:
    if bar.adjusted_close is None:
        raise invalid(f"the stand-in holds no adjusted closes of {table}", "")
    factor = bar.adjusted_close / bar.close
    return Bar(bar.start, bar.open * factor, bar.high * factor, bar.low * factor, bar.adjusted_close, bar.volume)


def _hours(contract: StandInContract, now: datetime) -> str:
    """Sessions of today and the next days as TWS writes them, weekends closed; holidays are not known here."""
    session = contract.session
    today = now.astimezone(ZoneInfo(session.zone)).date()
    parts = []
    for offset in range(5):
        day = today + timedelta(days=offset)
        if day.weekday() >= 5 and not session.always_open:
            parts.append(f"{day:%Y%m%d}:CLOSED")
        else:
            parts.append(f"{session.opening(day):%Y%m%d:%H%M}-{session.closing(day):%Y%m%d:%H%M}")
    return ";".join(parts)
