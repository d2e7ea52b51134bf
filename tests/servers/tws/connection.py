"""One client's connection: handshake, reading requests, delivering answers and faults."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, field

from tests.servers.tws import answers, messages
from tests.servers.tws.codec import OLDEST_VERSION, ProtocolError, frame, read_body, split_fields
from tests.servers.tws.faults import Fault
from tests.servers.tws.gateway import Gateway
from tests.servers.tws.history_rules import check_history
from tests.servers.tws.market_data import market_data
from tests.servers.tws.pacing import MessageRate
from tests.servers.tws.record import Recorded
from tests.servers.tws.refusals import (
    CLIENT_ID_IN_USE,
    NOTICES,
    TOO_MANY_LINES,
    TOO_MANY_MESSAGES,
    Refusal,
    cancelled,
)
from tests.servers.tws.requests import (
    AccountRequest,
    ContractRequest,
    DataTypeRequest,
    HeadRequest,
    HistoryRequest,
    MarketDataRequest,
    OptionParametersRequest,
    Request,
    decode_request,
)

_VERSIONS = re.compile(rb"v(\d{1,9})\.\.(\d{1,9})(?: .*)?")
_START_API = "71"
_ACCOUNT_VALUES = (("AccountType", "INDIVIDUAL", ""), ("NetLiquidation", "0", "USD"))


@dataclass
class Reply:
    """Frames to send now, and those that end a snapshot later."""

    now: list[bytes]
    later: list[bytes] = field(default_factory=list)
    refusal: Refusal | None = None


class Connection:
    """Serves one socket until either side closes it."""

    def __init__(self, gateway: Gateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._gateway = gateway
        self._reader = reader
        self._writer = writer
        self._rate = MessageRate()
        self._version = 0
        self._client_id = -1
        self._ready = False
        self._data_type = 1
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._open: dict[tuple[str, int], Recorded] = {}

    async def run(self) -> None:
        """Speak with the client; returns when the connection is over."""
        try:
            await self._converse()
            await self._part()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._end()

    def notify(self, code: int) -> None:
        """Send a message without request, for example 1100."""
        if self._ready:
            self._error(-1, code, NOTICES[code])

    def abort(self) -> None:
        """Break the connection without a word."""
        self._writer.transport.abort()
        self._give_up()

    async def _converse(self) -> None:
        try:
            if await self._handshake() and await self._start():
                await self._read_requests()
        except ProtocolError as error:
            self._violation("readable messages", str(error))

    async def _part(self) -> None:
        """Close politely: what the client still sends is read, or the reset would swallow our last message."""
        await self._writer.drain()
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while await self._reader.read(1 << 16):
                    pass

    async def _handshake(self) -> bool:
        if await self._reader.readexactly(4) != b"API\0":
            raise ProtocolError("the first bytes are not those of an API client")
        found = _VERSIONS.fullmatch(await read_body(self._reader))
        if found is None:
            raise ProtocolError("no version range after the first bytes")
        oldest, newest = int(found[1]), int(found[2])
        self._version = min(newest, self._gateway.settings.server_version)
        if self._version < max(oldest, OLDEST_VERSION):
            return False
        settings = self._gateway.settings
        self._writer.write(messages.handshake(self._version, self._gateway.clock.now(), settings.time_zone))
        return True

    async def _start(self) -> bool:
        fields = split_fields(await read_body(self._reader))
        if len(fields) < 3 or fields[0] != _START_API or not fields[2].lstrip("-").isdigit():
            raise ProtocolError(f"message {fields[:3]} before the API was started")
        wanted = int(fields[2])
        fault = self._gateway.faults.take("connect", "")
        kind = fault.kind if fault else ""
        if wanted in self._gateway.client_ids or kind == "client_id_in_use":
            self._error(-1, 326, CLIENT_ID_IN_USE)
            if not fault:
                self._gateway.record.violation(self._gateway.clock.now(), wanted, "unique client id", str(wanted))
            return False
        if kind == "drop":
            self.abort()
            return False
        if fault and kind == "error":
            self._error(-1, fault.code, fault.text)
            return False
        self._client_id = wanted
        self._gateway.client_ids.add(wanted)
        if fault and kind == "slow":
            await asyncio.sleep(fault.seconds)
        if kind != "silent":
            self._ready = True
            self._writer.write(messages.managed_accounts(self._gateway.settings.accounts) + frame(9, 1, 1))
            for code in (2104, 2106, 2158):
                self.notify(code)
        return True

    async def _read_requests(self) -> None:
        while True:
            body = await read_body(self._reader)
            if self._rate.exceeded(self._gateway.steady_seconds()):
                self._violation("50 messages per second", f"client {self._client_id}")
                self._error(-1, 100, TOO_MANY_MESSAGES)
                return
            try:
                request = decode_request(split_fields(body), self._version)
            except ProtocolError as error:
                self._violation("readable messages", str(error))
                self._error(-1, 320, f"Error reading request: {error}")
                continue
            self._serve(request)

    def _serve(self, request: Request) -> None:
        entry = self._gateway.record.request(self._gateway.clock.now(), self._client_id, request)
        match request:
            case ContractRequest() | OptionParametersRequest():
                self._begin(request, entry)
                return
            case DataTypeRequest():
                self._data_type = request.data_type
            case Request(kind="cancel_history"):
                if not self._cancel("history", request.request_id):
                    text = f"No historical data query found for ticker id:{request.request_id}"
                    self._error(request.request_id, 366, text)
            case Request(kind="cancel_market_data"):
                if not self._cancel("market_data", request.request_id):
                    self._error(request.request_id, 300, f"Can't find EId with tickerId:{request.request_id}")
            case _:
                self._writer.write(b"".join(self._account_answer(request)))
        entry.outcome = "answered"

    def _account_answer(self, request: Request) -> list[bytes]:
        number = request.request_id
        accounts = self._gateway.settings.accounts
        account = request.account if isinstance(request, AccountRequest) else accounts[0]
        now = self._gateway.clock.now()
        known: dict[str, list[bytes]] = {
            "positions": [frame(62, 1)],
            "open_orders": [frame(53, 1)],
            "completed_orders": [frame(102)],
            "executions": [frame(55, 1, number)],
            "accounts": [messages.managed_accounts(accounts)],
            "ids": [frame(9, 1, 1)],
            "time": [frame(49, 1, int(now.timestamp()))],
            "account_updates": [
                *(frame(6, 2, *value, account) for value in _ACCOUNT_VALUES),
                frame(8, 1, now.strftime("%H:%M")),
                frame(54, 1, account),
            ],
            "account_updates_multi": [
                *(frame(73, 1, number, account, "", *value) for value in _ACCOUNT_VALUES),
                frame(74, 1, number),
            ],
            "account_summary": [
                *(frame(63, 1, number, account, *value) for value in _ACCOUNT_VALUES),
                frame(64, 1, number),
            ],
        }
        return known.get(request.kind, [])

    def _begin(self, request: Request, entry: Recorded) -> None:
        reply = self._reply(request)
        fault = self._gateway.faults.take(request.kind, request.symbol)
        key = (request.kind, request.request_id)
        self._open[key] = entry
        self._tasks[key] = asyncio.create_task(self._deliver(request, entry, reply, fault))

    def _reply(self, request: Request) -> Reply:
        """Decide the answer on arrival, in the order of arrival: quotas and clock are those of this moment."""
        gateway, version = self._gateway, self._version
        try:
            match request:
                case HistoryRequest():
                    span = check_history(request, gateway.clock.now(), gateway.settings.time_zone)
                    contract = answers.find_only(gateway, request)
                    gateway.admit_history(self._client_id, request, span, contract)
                    return Reply(answers.history(gateway, request, version, span, contract))
                case HeadRequest():
                    return Reply(answers.head_timestamp(gateway, request))
                case MarketDataRequest():
                    return self._market_data(request)
                case ContractRequest():
                    return Reply(answers.contract_details(gateway, request, version))
                case OptionParametersRequest():
                    return Reply(answers.option_parameters(gateway, request))
        except Refusal as refusal:
            if refusal.rule:
                self._violation(refusal.rule, f"{request.kind} {request.symbol}")
            return Reply([messages.error(version, request.request_id, refusal.code, refusal.text)], refusal=refusal)
        raise ValueError(request)

    def _market_data(self, request: MarketDataRequest) -> Reply:
        gateway = self._gateway
        contract = answers.find_only(gateway, request)
        if len(gateway.market_data_lines) >= gateway.settings.market_data_lines:
            limit = gateway.settings.market_data_lines
            raise Refusal(101, TOO_MANY_LINES, f"{limit} market data lines")
        if request.regulatory_snapshot:
            self._violation("no paid regulatory snapshots", request.symbol)
        ticks = market_data(gateway, request, self._version, contract, self._data_type)
        gateway.market_data_lines.add((self._client_id, request.request_id))
        return Reply(ticks, [messages.snapshot_end(request.request_id)] if request.snapshot else [])

    async def _deliver(self, request: Request, entry: Recorded, reply: Reply, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        await asyncio.sleep(self._gateway.settings.latency + (fault.seconds if fault and kind == "slow" else 0))
        if kind == "silent":
            await asyncio.Event().wait()  # until it is cancelled or the connection ends
        if kind == "drop":
            whole = b"".join(reply.now)
            self._writer.write(whole[: len(whole) // 2])
            entry.outcome = "dropped"
            self.abort()
            return
        refusal = Refusal(fault.code, fault.text) if fault and kind == "error" else reply.refusal
        if refusal:
            self._finish(request, f"error {refusal.code}")
            self._error(request.request_id, refusal.code, refusal.text)
            return
        if kind in {"truncated", "garbage"}:
            self._finish(request, "garbled")
            self._writer.write(_spoiled(reply.now[0], kind))
            return
        if reply.later:
            self._writer.write(b"".join(reply.now))
            await asyncio.sleep(self._gateway.settings.snapshot_seconds)
        # Counted as answered before the client can know it.
        self._finish(request, "answered", keeps_line=isinstance(request, MarketDataRequest) and not reply.later)
        self._writer.write(b"".join(reply.later or reply.now))

    def _finish(self, request: Request, outcome: str, *, keeps_line: bool = False) -> None:
        entry = self._open.pop((request.kind, request.request_id), None)
        if entry:
            entry.outcome = outcome
        self._tasks.pop((request.kind, request.request_id), None)
        self._gateway.open_histories.discard((self._client_id, request.request_id))
        if not keeps_line:
            self._gateway.market_data_lines.discard((self._client_id, request.request_id))

    def _cancel(self, kind: str, number: int) -> bool:
        task = self._tasks.pop((kind, number), None)
        held = (self._client_id, number)
        streaming = kind == "market_data" and held in self._gateway.market_data_lines
        if task is None and not streaming:
            return False
        if task:
            task.cancel()
        self._finish(Request(kind, number), "cancelled")
        if kind == "history":
            refusal = cancelled(number)
            self._error(number, refusal.code, refusal.text)
        return True

    def _error(self, number: int, code: int, text: str) -> None:
        self._writer.write(messages.error(self._version, number, code, text))

    def _violation(self, rule: str, detail: str) -> None:
        self._gateway.record.violation(self._gateway.clock.now(), self._client_id, rule, detail)

    def _end(self) -> None:
        self._give_up()
        for task in self._tasks.values():
            task.cancel()
        if self._client_id >= 0:
            self._gateway.release(self._client_id)
        with contextlib.suppress(ConnectionError):
            self._writer.close()

    def _give_up(self) -> None:
        for entry in self._open.values():
            if entry.outcome == "open":
                entry.outcome = "disconnected"


def _spoiled(message: bytes, kind: str) -> bytes:
    """A frame of the right length whose content is wrong."""
    fields = message[4:].decode().split("\0")[:-1]
    if kind == "truncated":
        return frame(*fields[: max(3, len(fields) - len(fields) // 2)])
    return frame(*fields[:2], *("###" for _ in fields[2:]))
