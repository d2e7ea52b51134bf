"""Universe files and what is said about a wrong one."""

from pathlib import Path

import pytest

from include.calendars import exchange_calendar
from include.errors import ConfigurationError
from include.exchanges import CALENDARS
from include.universes import Kind, list_universes, load_universe, pick_instruments, tell_assumed

GOOD = """
name: mine
description: two symbols
instruments:
  - {symbol: AAPL, name: Apple, kind: stock, calendar: XNYS, trades_volume: true}
  - {symbol: ^VIX, name: VIX, kind: index, calendar: XCBF, trades_volume: false}
"""


def write(folder: Path, text: str) -> Path:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_shipped_universes_hold_what_was_asked_for() -> None:
    assert list_universes() == ["core5", "crypto", "global26", "sample"]
    assert load_universe("core5").symbols == ["SPY", "^VIX", "TSLA", "NVDA", "AMD"]
    assert load_universe("crypto").symbols == ["BTC/USDT", "ETH/USDT", "POL/USDT", "ETH/USDC", "POL/USDC"]
    global26 = load_universe("global26").instruments
    assert len(global26) == 26
    assert len({instrument.sector for instrument in global26 if instrument.kind is Kind.STOCK}) == 5
    assert [instrument.symbol for instrument in global26 if not instrument.trades_volume] == ["^VIX"]


@pytest.mark.parametrize("name", list_universes())
def test_every_calendar_of_a_universe_exists(name: str) -> None:
    for calendar in {instrument.calendar for instrument in load_universe(name).instruments}:
        assert len(exchange_calendar(calendar).sessions) > 0


def test_an_unknown_universe_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"'nope' is unknown; use one of core5, crypto, global26, sample"):
        load_universe("nope")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("kind: stock", "kind: share"),
            r"mine\.yaml: instruments\.0\.kind: .*'stock', 'fund', 'index', 'crypto' or 'currency', got 'share'",
        ),
        (("description: two symbols", "note: x"), r"note: is not a known key \(allowed: name, description, instruments\)"),
        (("calendar: XNYS, ", ""), r"instruments\.0\.calendar: is missing"),
        (("symbol: AAPL", "symbol: ../x"), r"instruments\.0\.symbol: "),
        (("kind: stock", "kind: stock, listed: 2020-01-02, delisted: 2019-01-02"), r"AAPL: listed 2020-01-02 is after delisted 2019-01-02"),
        (("symbol: AAPL", "symbol: ^VIX"), r"symbols named twice: \^VIX"),
        (("name: mine", "name: other"), r"name is 'other', but the file is called mine\.yaml"),
        (("instruments:", "instruments: ["), r"mine\.yaml: is not YAML"),
        ((GOOD, "- a list"), r"must hold keys and values, holds list"),
        (("two symbols", "two symbols\nx: !!python/object/apply:os.system ['true']"), r"is not YAML"),
    ],
)
def test_a_wrong_file_is_named_with_key_and_allowed_values(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    folder = write(tmp_path, GOOD.replace(*change))
    with pytest.raises(ConfigurationError, match=message):
        load_universe("mine", folder)


def test_any_symbol_of_a_source_may_be_picked() -> None:
    universe = load_universe("sample")
    assert [instrument.symbol for instrument in pick_instruments(universe, None)] == universe.symbols
    picked = pick_instruments(universe, ["AMZN", "^VIX", "SOL/USDT", "AMZN"])
    assert [(instrument.symbol, instrument.calendar) for instrument in picked] == [
        ("AMZN", "XNYS"),
        ("^VIX", "XCBF"),
        ("SOL/USDT", "24/7"),
    ]
    with pytest.raises(ConfigurationError, match="is not a symbol"):
        pick_instruments(universe, ["../x"])


@pytest.mark.parametrize(
    ("symbol", "calendar"),
    [("RELIANCE.NS", "XBOM"), ("VOD.L", "XLON"), ("7203.T", "XTKS"), ("BRK.B", "XNYS"), ("NS", "XNYS"), ("EURUSD=X", "XNYS")],
)
def test_the_ending_of_a_symbol_tells_its_exchange(symbol: str, calendar: str) -> None:
    [instrument] = pick_instruments(load_universe("sample"), [symbol])
    assert (instrument.calendar, instrument.kind) == (calendar, Kind.STOCK)


def test_the_endings_are_yahoo_s_and_their_calendars_are_there() -> None:
    """The client library for Yahoo holds the same list by exchange code; where the codes are calendars, they are ours."""
    from exchange_calendars.calendar_utils import get_calendar_names, global_calendar_dispatcher
    from yfinance.const import _MIC_TO_YAHOO_SUFFIX

    codes = {suffix: code for code, suffix in _MIC_TO_YAHOO_SUFFIX.items() if suffix}
    assert set(CALENDARS) <= set(codes)
    known = set(get_calendar_names())
    assert set(CALENDARS.values()) <= known
    same = {suffix: global_calendar_dispatcher.resolve_alias(codes[suffix]) for suffix in CALENDARS if codes[suffix] in known}
    assert {suffix: CALENDARS[suffix] for suffix in same} == same
    assert {suffix for suffix, code in codes.items() if code in known} - set(CALENDARS) == {"NX"}, "Euronext as a whole has no calendar"


def test_what_is_assumed_is_said() -> None:
    assert tell_assumed(["^GSPC", "SOL/USDT"]) == ""
    assert tell_assumed(["AAPL", "VOD.L", "XYZ", "ABC", "NEW/USDT"]) == (
        "no universe names VOD.L (assumed exchange calendar: XLON); XYZ, ABC (assumed exchange calendar: XNYS); "
        "where that is wrong, enter the symbol with its calendar in a file of include/config/universes"
    )


def test_an_earlier_name_means_who_had_it(tmp_path: Path) -> None:
    sample = load_universe("sample")
    assert [instrument.symbol for instrument in pick_instruments(sample, ["FB", "AAPL", "META"])] == ["META", "AAPL"]
    assert [instrument.symbol for instrument in pick_instruments(sample, ["MATIC/USDC", "MATIC/USDT"])] == ["POL/USDC", "POL/USDT"]
    [instrument] = pick_instruments(sample, ["MATIC/USDC"])
    assert instrument.aliases == ("MATIC/USDC",)
    mine = load_universe("mine", write(tmp_path, GOOD.replace("symbol: AAPL", "symbol: FB")))
    [today] = pick_instruments(mine, ["FB"])
    assert (today.symbol, today.name) == ("FB", "Apple"), "a symbol of the universe itself is nobody's earlier name"
