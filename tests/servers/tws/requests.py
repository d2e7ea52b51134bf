"""Client messages as typed requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.servers.tws.codec import ProtocolError

#: Messages whose only content is their kind: number -> (kind, position of the request id or None).
_PLAIN: dict[int, tuple[str, int | None]] = {
    2: ("cancel_market_data", 2),
    5: ("open_orders", None),
    7: ("executions", 2),
    8: ("ids", None),
    15: ("bind_orders", None),
    16: ("open_orders", None),
    17: ("accounts", None),
    25: ("cancel_history", 2),
    49: ("time", None),
    61: ("positions", None),
    62: ("account_summary", 2),
    63: ("cancel_account_summary", 2),
    64: ("cancel_positions", None),
    77: ("cancel_account_updates_multi", 2),
    90: ("cancel_head_timestamp", 1),
    99: ("completed_orders", None),
}


@dataclass(frozen=True)
class ContractQuery:
    """The 12 contract fields of a request; empty or 0 means "any"."""

    con_id: int
    symbol: str
    security_type: str
    expiry: str
    strike: float
    right: str
    multiplier: str
    exchange: str
    primary_exchange: str
    currency: str
    local_symbol: str
    trading_class: str


_NO_CONTRACT = ContractQuery(0, "", "", "", 0.0, "", "", "", "", "", "", "")


@dataclass(frozen=True)
class Request:
    """A client message; ``request_id`` is -1 where the message has none."""

    kind: str
    request_id: int = -1

    @property
    def symbol(self) -> str:
        """What the request is about, for fault matching and the record."""
        return ""


@dataclass(frozen=True)
class AccountRequest(Request):
    """Message 6 or 76: values of one account."""

    account: str = ""


@dataclass(frozen=True)
class DataTypeRequest(Request):
    """Message 59: 1 live, 2 frozen, 3 delayed, 4 delayed and frozen."""

    data_type: int = 1


@dataclass(frozen=True)
class ContractRequest(Request):
    """Any request about one contract."""

    contract: ContractQuery = _NO_CONTRACT

    @property
    def symbol(self) -> str:
        """Symbol asked for, or the contract id where only that was sent."""
        return self.contract.symbol or self.contract.local_symbol or str(self.contract.con_id)


@dataclass(frozen=True)
class HistoryRequest(ContractRequest):
    """Message 20."""

    end: str = ""
    bar_size: str = ""
    duration: str = ""
    regular_hours: bool = True
    what: str = ""
    date_format: int = 1
    keep_up_to_date: bool = False


@dataclass(frozen=True)
class HeadRequest(ContractRequest):
    """Message 87."""

    regular_hours: bool = True
    what: str = ""
    date_format: int = 1


@dataclass(frozen=True)
class MarketDataRequest(ContractRequest):
    """Message 1."""

    generic_ticks: str = ""
    snapshot: bool = False
    regulatory_snapshot: bool = False


@dataclass(frozen=True)
class OptionParametersRequest(Request):
    """Message 78."""

    underlying: str = ""
    exchange: str = ""
    security_type: str = ""
    con_id: int = 0

    @property
    def symbol(self) -> str:
        """The underlying."""
        return self.underlying


def decode_request(fields: list[str], version: int) -> Request:
    """Read one message of a client that speaks ``version``.

    Raises
    ------
    ProtocolError
        If the message is unknown to the stand-in or its fields are not what the version sends.
    """
    try:
        return _decode(fields, version)
    except (ValueError, IndexError, StopIteration) as error:
        raise ProtocolError(f"message {fields[:3]} cannot be read: {error}") from None


def _decode(fields: list[str], version: int) -> Request:
    number = int(fields[0])
    if number in _PLAIN:
        kind, position = _PLAIN[number]
        return Request(kind, -1 if position is None else int(fields[position]))
    if number not in _READERS:
        raise ProtocolError(f"message {number} is unknown to the stand-in")
    return _READERS[number](fields, version)


def _account_updates(fields: list[str], _version: int) -> AccountRequest:
    return AccountRequest("account_updates" if _flag(fields[2]) else "cancel_account_updates", -1, fields[3])


def _account_updates_multi(fields: list[str], _version: int) -> AccountRequest:
    return AccountRequest("account_updates_multi", int(fields[2]), fields[3])


def _data_type(fields: list[str], _version: int) -> DataTypeRequest:
    return DataTypeRequest("market_data_type", -1, int(fields[2]))


def _option_parameters(fields: list[str], _version: int) -> OptionParametersRequest:
    number, underlying, exchange, security_type, con_id = fields[1:]
    return OptionParametersRequest("option_parameters", int(number), underlying, exchange, security_type, _integer(con_id))


def _contract_details(fields: list[str], version: int) -> ContractRequest:
    rest = iter(fields[3:])
    request = ContractRequest("contract_details", int(fields[2]), _contract(rest))
    _expect(rest, 4 if version >= 176 else 3)  # includeExpired, secIdType, secId, issuerId
    return request


def _history(fields: list[str], _version: int) -> HistoryRequest:
    rest = iter(fields[2:])
    contract = _contract(rest)
    next(rest)  # includeExpired
    request = HistoryRequest(
        "history",
        int(fields[1]),
        contract,
        end=next(rest),
        bar_size=next(rest),
        duration=next(rest),
        regular_hours=_flag(next(rest)),
        what=next(rest),
        date_format=int(next(rest)),
        keep_up_to_date=_flag(next(rest)),
    )
    _expect(rest, 1)  # chart options
    return request


def _head(fields: list[str], _version: int) -> HeadRequest:
    rest = iter(fields[2:])
    contract = _contract(rest)
    next(rest)  # includeExpired
    request = HeadRequest("head_timestamp", int(fields[1]), contract, _flag(next(rest)), next(rest), int(next(rest)))
    _expect(rest, 0)
    return request


def _market_data(fields: list[str], _version: int) -> MarketDataRequest:
    rest = iter(fields[3:])
    contract = _contract(rest)
    if _flag(next(rest)):
        raise ProtocolError("delta-neutral contracts are unknown to the stand-in")
    request = MarketDataRequest("market_data", int(fields[2]), contract, next(rest), _flag(next(rest)), _flag(next(rest)))
    _expect(rest, 1)  # options
    return request


def _contract(rest: Iterator[str]) -> ContractQuery:
    query = ContractQuery(
        con_id=_integer(next(rest)),
        symbol=next(rest),
        security_type=next(rest),
        expiry=next(rest),
        strike=float(next(rest) or 0),
        right=next(rest),
        multiplier=next(rest),
        exchange=next(rest),
        primary_exchange=next(rest),
        currency=next(rest),
        local_symbol=next(rest),
        trading_class=next(rest),
    )
    if query.security_type == "BAG":
        raise ProtocolError("combinations are unknown to the stand-in")
    return query


def _expect(rest: Iterator[str], count: int) -> None:
    left = len(list(rest))
    if left != count:
        raise ValueError(f"{left} fields at the end instead of {count}")


def _integer(text: str) -> int:
    return int(text or 0)


def _flag(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError(f"{text!r} is neither 0 nor 1")
    return text == "1"


_READERS: dict[int, Callable[[list[str], int], Request]] = {
    1: _market_data,
    6: _account_updates,
    9: _contract_details,
    20: _history,
    59: _data_type,
    76: _account_updates_multi,
    78: _option_parameters,
    87: _head,
}
