"""What IBKR means by an error: its code first, its text (which may be in any language) only where the code says too little."""

from __future__ import annotations

from enum import Enum, auto

_LONGEST_TEXT = 200


class Meaning(Enum):
    """What to make of a refusal."""

    NO_DATA = auto()
    """There are no bars in the range; true only if a second fact agrees."""
    PACING = auto()
    """Too much was asked in a short time."""
    TOO_LONG = auto()
    """The range is too long for the size of its bars."""
    ACT = auto()
    """It stays so until somebody does something."""
    UNKNOWN = auto()
    """Anything else, which may pass."""


class IbkrError(Exception):
    """A request to IBKR had no answer."""


class UnreachableError(IbkrError):
    """TWS or IB Gateway cannot be reached."""


class BrokenError(IbkrError):
    """The connection broke; the next request makes another."""


class SilenceError(IbkrError):
    """A request had no answer in time; that is not an empty answer."""


class UnreadableError(IbkrError):
    """An answer cannot be read."""


class ClientIdTakenError(IbkrError):
    """Another program is connected with this client id (error 326)."""


class RefusedError(IbkrError):
    """IBKR answered a request with an error.

    Parameters
    ----------
    code, text
        As they came.
    """

    def __init__(self, code: int, text: str) -> None:
        shown = "".join(sign if sign.isprintable() else " " for sign in text[:_LONGEST_TEXT]).strip()
        super().__init__(f"IBKR answers {code}: {shown}")
        self.code = code
        self.meaning = meaning_of(code, text)


def meaning_of(code: int, text: str) -> Meaning:
    """Read a code and its text.

    An error 162 whose text is not known, in whatever language, is :attr:`Meaning.UNKNOWN` and never taken for "no data".
    """
    known = _BY_CODE.get(code)
    if known is not None:
        return known
    words = text.casefold()
    texts = {162: _TEXTS_162, 321: _TEXTS_321}.get(code, ())
    return next((meaning for part, meaning in texts if part in words), _OTHERWISE.get(code, Meaning.UNKNOWN))


_BY_CODE = {
    100: Meaning.PACING,  # messages per second
    354: Meaning.ACT,  # no subscription
    420: Meaning.PACING,  # pacing of market data
    10089: Meaning.ACT,  # no subscription
    10090: Meaning.ACT,
    10168: Meaning.ACT,  # no subscription, and delayed data is switched off
}
_TEXTS_162 = (
    ("pacing violation", Meaning.PACING),
    ("simultaneous api historical data requests", Meaning.PACING),
    ("query returned no data", Meaning.NO_DATA),
    ("time length exceed", Meaning.TOO_LONG),
    ("invalid step", Meaning.TOO_LONG),
    ("different ip address", Meaning.ACT),
    ("no market data permissions", Meaning.ACT),
)
_TEXTS_321 = (("duration", Meaning.TOO_LONG),)
# What TWS calls an invalid request stays invalid. An unknown contract (200) does not: TWS says so of valid ones at night.
_OTHERWISE = {321: Meaning.ACT}
