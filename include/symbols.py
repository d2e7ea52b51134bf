"""Symbols: what may be one, and its name in a path."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from include.errors import ConfigurationError

#: ``^GSPC``, ``BRK.B``, ``BTC/USDT``, ``EURUSD=X``, ``RELIANCE.NS``; never a path such as ``../x``.
SYMBOL_PATTERN = r"\^?[A-Z0-9]+(?:[.\-/=_&][A-Z0-9]+)*"
_SYMBOL = re.compile(SYMBOL_PATTERN)
_LONGEST = 32


def parse_symbol(text: str) -> str:
    """Return ``text`` when it is a symbol.

    Raises
    ------
    ConfigurationError
        If it is not.
    """
    if not isinstance(text, str) or len(text) > _LONGEST or not _SYMBOL.fullmatch(text):
        raise ConfigurationError(
            f"{text!r} is not a symbol: upper-case letters and digits joined by . - / = _ &, for example ^GSPC or BTC/USDT"
        )
    return text


def symbol_in_path(symbol: str) -> str:
    """The symbol as one path segment (percent-encoded, reversible)."""
    return quote(parse_symbol(symbol), safe="")


def symbol_from_path(segment: str) -> str:
    """Inverse of :func:`symbol_in_path`."""
    return parse_symbol(unquote(segment))
