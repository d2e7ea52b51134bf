"""Two hundred corruptions of real bars: each is caught by the rule that is named for it, or is listed as one that no rule can see."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from expectations.bars import bar_suite
from expectations.check import CheckRequest, CheckSummary, check_bars
from expectations.rules import reasons
from expectations.staging import folder_of, read_plan
from expectations.stored import SUITES
from include.lake import Lake
from include.landing import Adjustment, Landed, write_landing
from include.rule_words import HOLDING, REFUSING, WARNING
from include.rule_words import SUITES as WORDS
from include.schemas import LANDING
from include.universes import Instrument, Kind

START, END = datetime(2004, 1, 1, tzinfo=UTC), datetime(2006, 1, 1, tzinfo=UTC)
PRICES = ["open", "high", "low", "close"]

#: Each reason with any numbers in it.
REASONS = {
    rule: re.compile("[^;]+".join(re.escape(words) for words in re.split(r"\{[^}]*\}", reason)))
    for rule, reason in reasons(bar_suite()).items()
}

#: Corruptions that leave bars as real ones are; docs/quality.md says so.
UNDETECTABLE = {
    "swap open and close": "both lie between low and high whichever is which",
    "volume x100": "real volume jumps so: 20 times its mean in the crash of 2000-09-29",
    "all x100": "without a second source or a known price nothing says what the unit is",
    "high x1.1": "a tenth above the bar is an ordinary wick",
}


@dataclass(frozen=True)
class Corruption:
    """One damaged copy of the bars; ``rule`` is to find it (None: see UNDETECTABLE)."""

    kind: str
    rule: str | None
    rows: pd.DataFrame
    fetched_at: datetime | None = None


def real_bars() -> pd.DataFrame:
    """MSFT 2004 and 2005, as traded, 504 sessions without a flag."""
    spec = importlib.util.find_spec("bokeh_sampledata")
    assert spec is not None
    assert spec.origin is not None
    frame = pd.read_csv(Path(spec.origin).parent / "_data" / "stocks.csv.gz")
    frame = frame[(frame["Ticker"] == "MSFT") & frame["Date"].between("2004", "2006")]
    frame = frame.rename(columns=lambda name: name.lower().replace("adj close", "adjusted_close"))
    return frame.assign(timestamp=pd.to_datetime(frame["date"], utc=True))[LANDING.names].astype({"volume": float}).reset_index(drop=True)


Change = Callable[[pd.DataFrame, int, np.random.Generator], pd.DataFrame]


def change(columns: list[str], by: Callable[[pd.DataFrame], pd.DataFrame], length: int = 1) -> Change:
    def apply(frame: pd.DataFrame, at: int, draw: np.random.Generator) -> pd.DataFrame:
        rows = slice(at, at + length - 1)
        frame.loc[rows, columns] = by(frame.loc[rows, columns]).to_numpy(copy=True)  # not a view of what is written
        return frame

    return apply


def swap(first: str, second: str) -> Change:
    """Swap two columns of a row in which they differ: where the close is the low, nothing would change and nothing could be found."""

    def apply(frame: pd.DataFrame, at: int, draw: np.random.Generator) -> pd.DataFrame:
        while frame[first][at] == frame[second][at]:
            at += 1
        frame.loc[at, [first, second]] = frame.loc[at, [second, first]].to_numpy(copy=True)
        return frame

    return apply


def shift_a_day(frame: pd.DataFrame, at: int, draw: np.random.Generator) -> pd.DataFrame:
    friday = next(row for row in range(at, at + 7) if frame["timestamp"][row].weekday() == 4)
    frame.loc[friday, "timestamp"] += pd.Timedelta(days=1)
    return frame


def onto_another_day(frame: pd.DataFrame, at: int, draw: np.random.Generator) -> pd.DataFrame:
    frame.loc[at, "timestamp"] = frame.loc[at - 1, "timestamp"]
    return frame


def swap_rows(frame: pd.DataFrame, at: int, draw: np.random.Generator) -> pd.DataFrame:
    while frame["timestamp"][at].month != frame["timestamp"][at + 3].month:
        at += 1
    order = list(frame.index)
    order[at], order[at + 2] = order[at + 2], order[at]
    return frame.loc[order]


def repeat_block(frame: pd.DataFrame, at: int, draw: np.random.Generator) -> pd.DataFrame:
    return pd.concat([frame, frame.loc[at : at + int(draw.integers(3, 30))]])


def overwrite_block(frame: pd.DataFrame, at: int, draw: np.random.Generator) -> pd.DataFrame:
    length, later = int(draw.integers(3, 8)), at + int(draw.integers(8, 20))
    values = [name for name in frame.columns if name != "timestamp"]
    frame.loc[later : later + length, values] = frame.loc[at : at + length, values].to_numpy()
    return frame


def lose_rows(frame: pd.DataFrame, at: int, draw: np.random.Generator) -> pd.DataFrame:
    return frame.drop(range(at, at + int(draw.integers(26, 60))))


def labelled_by_local_midnight(frame: pd.DataFrame, at: int, draw: np.random.Generator) -> pd.DataFrame:
    frame["timestamp"] = frame["timestamp"].dt.tz_localize(None).dt.tz_localize("America/New_York").dt.tz_convert("UTC")
    return frame


def split(frame: pd.DataFrame, at: int, draw: np.random.Generator) -> pd.DataFrame:
    """On a day that opens near the close before: where the market itself leaps, the ratio cannot be told from the leap."""
    while abs(frame["open"][at] / frame["close"][at - 1] - 1) > 0.02:
        at += 1
    frame.loc[at:, [*PRICES, "adjusted_close"]] *= float(draw.choice([1 / 2, 1 / 3, 1 / 4, 1 / 10, 2.0, 10.0]))
    return frame


def stale(frame: pd.DataFrame, at: int, draw: np.random.Generator) -> pd.DataFrame:
    frame.loc[at, PRICES] = frame.loc[at - 1, "close"]
    frame.loc[at, "volume"] = 0.0
    return frame


def times(factor: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: rows * factor


def to(value: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: rows * np.nan if np.isnan(value) else rows * 0 + value


KINDS: list[tuple[str, str | None, Change]] = [
    ("wrong order", "out_of_order", swap_rows),
    *((f"sign of {name}", f"{name}_positive", change([name], times(-1))) for name in [*PRICES, "adjusted_close"]),
    ("sign of volume", "volume_not_negative", change(["volume"], times(-1))),
    *((f"zero {name}", f"{name}_positive", change([name], to(0.0))) for name in PRICES),
    ("infinite high", "high_positive", change(["high"], to(np.inf))),
    ("open x100", "high_not_below_open", change(["open"], times(100))),
    ("close x100", "high_not_below_close", change(["close"], times(100))),
    ("low x100", "high_not_below_low", change(["low"], times(100))),
    ("high x100", "wide_range", change(["high"], times(100))),
    ("open /100", "open_not_below_low", change(["open"], times(0.01))),
    ("close /100", "close_not_below_low", change(["close"], times(0.01))),
    ("low /100", "wide_range", change(["low"], times(0.01))),
    ("row x100", "unit_jump", change(PRICES, times(100))),
    ("row /100", "unit_jump", change(PRICES, times(0.01))),
    ("from here x100", "unit_jump", change(PRICES, times(100), 10_000)),
    ("from here /100", "large_move", change(PRICES, times(0.01), 10_000)),
    ("volume x100", None, change(["volume"], times(100))),
    ("all x100", None, lambda frame, at, draw: frame.assign(**{name: frame[name] * 100 for name in PRICES})),
    ("high x1.1", None, change(["high"], times(1.1))),
    ("swap high and low", "high_not_below_low", swap("high", "low")),
    ("swap open and high", "high_not_below_open", swap("open", "high")),
    ("swap close and low", "close_not_below_low", swap("close", "low")),
    ("swap close and high", "high_not_below_close", swap("close", "high")),
    ("swap open and low", "open_not_below_low", swap("open", "low")),
    ("swap close and volume", "high_not_below_close", swap("close", "volume")),
    ("swap open and close", None, swap("open", "close")),
    ("row on a day without a session", "off_calendar", shift_a_day),
    ("row on another row's day", "one_row_per_time", onto_another_day),
    ("all a day later", "complete_enough", lambda frame, at, draw: frame.assign(timestamp=frame["timestamp"] + pd.Timedelta(days=1))),
    ("all a day earlier", "complete_enough", lambda frame, at, draw: frame.assign(timestamp=frame["timestamp"] - pd.Timedelta(days=1))),
    ("labelled by local midnight", "day_at_midnight", labelled_by_local_midnight),
    ("block repeated", "row_not_repeated", repeat_block),
    ("block under later dates", "equal_to_earlier", overwrite_block),
    ("rows lost", "complete_enough", lose_rows),
    ("closes not a number", "close_present", change(["close"], to(np.nan), 7)),
    ("prices not a number", "prices_missing", change(["open", "high", "low"], to(np.nan), 7)),
    ("volumes not a number", "no_volume", change(["volume"], to(np.nan), 7)),
    ("a month of closes not a number", "complete_enough", change(["close"], to(np.nan), 26)),
    ("prices of another scale", "suspected_split", split),
    ("stale bar", "flat_without_volume", stale),
]


def corruptions() -> Iterator[Corruption]:
    bars, draw = real_bars(), np.random.default_rng(20)
    for _ in range(5):
        for kind, rule, apply in KINDS:
            yield Corruption(kind, rule, apply(bars.copy(), int(draw.integers(60, 380)), draw))
    for hours in range(5):
        yield Corruption("last bar unfinished", "bar_finished", bars, datetime(2005, 12, 30, 16 + hours, 59, tzinfo=UTC))


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[CheckSummary, dict[str, set[str]], dict[str, Corruption]]:
    """One check over all of them, each as a symbol of its own; ``CLEAN`` is none."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    cases = {f"C{number:03d}": case for number, case in enumerate(corruptions())} | {"CLEAN": Corruption("none", None, real_bars())}
    for symbol, case in cases.items():
        land(lake, symbol, case)
    instruments = tuple(Instrument(symbol=symbol, name=symbol, kind=Kind.STOCK, calendar="XNYS", trades_volume=True) for symbol in cases)
    summary = check_bars(lake, CheckRequest("csv", "1d", instruments, START, END), run="run")
    return summary, found(lake, summary), cases


def land(lake: Lake, symbol: str, case: Corruption) -> None:
    fetched = case.fetched_at or datetime(2026, 1, 1, tzinfo=UTC)
    landed = Landed("csv", symbol, "1d", Adjustment.RAW, START - timedelta(days=1), END + timedelta(days=1), fetched)
    rows = case.rows[LANDING.names]
    write_landing(lake, landed, pa.Table.from_pandas(rows, schema=LANDING, preserve_index=False))


def found(lake: Lake, summary: CheckSummary) -> dict[str, set[str]]:
    """Rules that say something of each symbol; a refused row may break several, and its reason tells of all of them."""
    said: dict[str, set[str]] = {symbol: {cause.rule} for symbol, cause in read_plan(lake, summary.plan).held.items()}
    for kind, column, rules_in in (("bars", "flags", flagged_by), ("quarantine", "reason", refused_by)):
        folder = f"{folder_of('run')}/{kind}"
        for name in lake.files(folder):
            table = lake.read_table(f"{folder}/{name}", ["symbol", column])
            for symbol, text in zip(table["symbol"].to_pylist(), table[column].to_pylist(), strict=True):
                said.setdefault(symbol, set()).update(rules_in(text))
    return said


def flagged_by(flags: str | None) -> list[str]:
    return flags.split(",") if flags else []


def refused_by(reason: str) -> list[str]:
    return [rule for rule, words in REASONS.items() if words.search(reason)]


def test_there_are_two_hundred_and_more() -> None:
    assert sum(1 for _ in corruptions()) >= 200


@pytest.mark.parametrize("kind", [*(kind for kind, rule, _ in KINDS if rule), "last bar unfinished"])
def test_the_named_rule_catches_it(checked, kind: str) -> None:
    _, said, cases = checked
    missed = [
        (symbol, said.get(symbol)) for symbol, case in cases.items() if case.kind == kind and case.rule not in said.get(symbol, set())
    ]
    assert not missed
    assert sum(case.kind == kind for case in cases.values()) == 5


def test_what_no_rule_sees_is_listed(checked) -> None:
    _, said, cases = checked
    unseen = {case.kind for symbol, case in cases.items() if case.rule is None and symbol != "CLEAN" and not said.get(symbol)}
    assert unseen == set(UNDETECTABLE) == {kind for kind, rule, _ in KINDS if rule is None}


def test_the_clean_bars_carry_no_flag(checked) -> None:
    _, said, _ = checked
    assert not said.get("CLEAN")


def test_nothing_is_lost(checked) -> None:
    summary, _, cases = checked
    for symbol, case in cases.items():
        count = summary.symbols[symbol]
        inside = case.rows["timestamp"].between(START, END, inclusive="left").sum()
        assert (count.fetched, count.kept + count.quarantined) == (inside, inside)


def test_every_rule_has_a_test() -> None:
    """Each rule's name stands in a test beside this one or among the unit tests, or is made there out of its column's."""
    texts = Path(__file__).read_text(encoding="utf-8")
    for path in (Path(__file__).parent.parent / "unit" / "expectations").glob("test_*.py"):
        texts += path.read_text(encoding="utf-8")
    rules = [expectation.meta["rule"] for make in SUITES.values() for expectation in make().expectations]
    assert [rule for rule in rules if rule not in texts and not rule.endswith(("_positive", "_said"))] == []


def test_every_rule_of_the_bars_is_explained_to_people() -> None:
    """On the quality page, and each under what it does; the others in docs/quality.md."""
    said = {"reject_row": REFUSING, "warn": WARNING, "hold_symbol": HOLDING}
    for name in ("bars", "series", "completeness"):
        for expectation in SUITES[name]().expectations:
            assert expectation.meta["rule"] in said[expectation.meta["action"]]
    for name, make in SUITES.items():
        assert {expectation.meta["rule"] for expectation in make().expectations} <= set(WORDS[name][1])
    page = (Path(__file__).parents[2] / "docs" / "quality.md").read_text(encoding="utf-8")
    rules = [expectation.meta["rule"] for make in SUITES.values() for expectation in make().expectations]
    assert [rule for rule in rules if f"`{rule}`" not in page] == []
    assert [kind for kind in UNDETECTABLE if kind not in page] == []
