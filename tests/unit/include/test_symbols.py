"""Symbols are names, never paths."""

import pytest

from include.errors import ConfigurationError
from include.symbols import parse_symbol, symbol_from_path, symbol_in_path


@pytest.mark.parametrize("symbol", ["^GSPC", "AAPL", "BRK.B", "BTC/USDT", "EURUSD=X", "M&M.NS", "0700.HK", "ES_F"])
def test_a_symbol_survives_its_path(symbol: str) -> None:
    segment = symbol_in_path(symbol)
    assert "/" not in segment
    assert symbol_from_path(segment) == symbol


@pytest.mark.parametrize(
    "text", ["", "../../x", "..", ".", "/etc/passwd", "aapl", "AAPL ", "A\x00B", "A//B", "-A", "A-", "=CMD()", "A" * 33, None]
)
def test_what_is_no_symbol_is_refused(text: object) -> None:
    with pytest.raises(ConfigurationError, match="is not a symbol"):
        parse_symbol(text)  # type: ignore[arg-type]
