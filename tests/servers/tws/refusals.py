"""What TWS says when it does not do what it is asked: codes and texts.

Texts marked ``*`` in the project's notes are wordings from public logs, not verified against a live TWS.
"""

from __future__ import annotations

_HISTORY = "Historical Market Data Service error message:"

PACING = _HISTORY + "Historical data request pacing violation"
TOO_MANY_OPEN = _HISTORY + "Only 50 simultaneous API historical data requests allowed"
TIME_LENGTH = _HISTORY + "Time length exceed max."
OTHER_SESSION = _HISTORY + "Trading TWS session is connected from a different IP address"
UNKNOWN_CONTRACT = "No security definition has been found for the request"
CLIENT_ID_IN_USE = "Unable to connect as the client id is already in use. Retry with a unique client id."
TOO_MANY_LINES = "Max number of tickers has been reached."
TOO_MANY_MESSAGES = "Max rate of messages per second has been exceeded."
DELAYED_SHOWN = "Requested market data is not subscribed. Displaying delayed market data."

#: "No data for the request" as a TWS that runs in another language says it: right code, foreign text.
LOCALISED = {
    "es": "Mensaje de error del servicio de datos históricos: la consulta no devolvió datos",
    "zh": "历史市场数据服务错误信息:查询没有返回数据",
}

#: Messages without a request: connectivity and data farms.
NOTICES = {
    1100: "Connectivity between IB and Trader Workstation has been lost.",
    1101: "Connectivity between IB and Trader Workstation has been restored - data lost.",
    1102: "Connectivity between IB and Trader Workstation has been restored - data maintained.",
    2104: "Market data farm connection is OK:usfarm",
    2106: "HMDS data farm connection is OK:ushmds",
    2158: "Sec-def data farm connection is OK:secdefil",
}


class Refusal(Exception):
    """An error message for one request.

    Parameters
    ----------
    code, text
        What the client receives.
    rule
        Name of the documented rule that the client broke; empty when it did nothing wrong.
    """

    def __init__(self, code: int, text: str, rule: str = "") -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.rule = rule


def invalid(reason: str, rule: str) -> Refusal:
    """Error 321: the request itself is wrong."""
    return Refusal(321, f"Error validating request.-'bN' : cause - {reason}", rule)


def no_data(symbol: str, exchange: str, what: str) -> Refusal:
    """Error 162: there are no bars in the range."""
    shown = what.replace("_", " ").title()
    return Refusal(162, f"{_HISTORY}HMDS query returned no data: {symbol}@{exchange} {shown}")


def no_head_stamp() -> Refusal:
    """Error 162: the contract has no history at all."""
    return Refusal(162, _HISTORY + "No head time stamp")


def cancelled(request_id: int) -> Refusal:
    """Error 162: the client cancelled its own request."""
    return Refusal(162, f"{_HISTORY}API historical data query cancelled: {request_id}")


def ambiguous(symbol: str) -> Refusal:
    """Error 200: several contracts fit."""
    return Refusal(200, f"The contract description specified for {symbol} is ambiguous.")


def not_subscribed(symbol: str) -> Refusal:
    """Error 354: no live data without a subscription."""
    text = f"Requested market data is not subscribed. Delayed market data is available.{symbol}/TOP/ALL"
    return Refusal(354, text)
