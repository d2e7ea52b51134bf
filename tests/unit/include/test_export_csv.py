"""What the lake holds as files that a spreadsheet opens, and that the source ``csv`` reads back."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from include.actions import Action, ActionKind, append_actions
from include.export_csv import main
from include.lake import Lake
from include.landing import Adjustment, Landed, write_landing
from include.option_chains import LandedChain, write_chain
from include.publish import publish_month
from include.schemas import BARS, LANDING, QUARANTINE
from include.settings import settings
from include.universes import load_universe, pick_instruments
from marketmill.hooks.csv_folder import CsvFolderHook
from tests.unit.include.test_option_chains import EXPIRY, FETCHED, rows

MAY, JUNE, JULY = (datetime(2018, month, 1, tzinfo=UTC) for month in (5, 6, 7))
PRICES = {"open": 0.1 + 0.2, "high": 1e-7, "low": -37.63, "close": 1e15, "volume": None, "adjusted_close": 1 / 3}


def bar(symbol: str, timestamp: datetime, source: str = "yahoo") -> dict[str, object]:
    facts = {"symbol": symbol, "timestamp": timestamp, "closed_at": timestamp + timedelta(hours=20), "source": source}
    return facts | PRICES | {"adjustment": "split", "as_of": timestamp + timedelta(days=40, microseconds=5)}


def publish(lake: Lake, dataset: str, month: str, table: pa.Table) -> None:
    publish_month(lake, dataset, month, lambda _: table)


@pytest.fixture
def out(lake, tmp_path, monkeypatch):
    monkeypatch.setenv("LAKE", lake.url)
    settings.cache_clear()
    yield tmp_path / "out"
    settings.cache_clear()


@pytest.fixture
def bars(lake):
    for month, day in (("2018-05", MAY), ("2018-06", JUNE)):
        both = [bar(symbol, day + timedelta(days=step)) for step in (1, 0) for symbol in ("^GSPC", "AAPL")]
        publish(lake, lake.bars("1d"), month, pa.Table.from_pylist(both, schema=BARS))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_bars_come_back_by_the_source_csv_as_they_were(out, bars, capsys):
    assert main(["bars", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"8 rows of 2 symbols: {out}\n"
    assert sorted(path.name for path in out.iterdir()) == ["%5EGSPC.csv", "AAPL.csv"]
    universe = load_universe("sample")
    for symbol in ("AAPL", "^GSPC"):
        outcome = CsvFolderHook(str(out)).fetch(*pick_instruments(universe, [symbol]), "1d", MAY, JULY)
        expected = [PRICES | {"timestamp": day + timedelta(days=step)} for day in (MAY, JUNE) for step in (0, 1)]
        assert outcome.rows.equals(pa.Table.from_pylist(expected, schema=LANDING))


def test_a_file_reads_well(out, bars):
    assert main(["bars", "--symbols", "AAPL", "--start", "2018-05-02", "--end", "2018-06-01", "--out", str(out)]) == 0
    [row] = read(out / "AAPL.csv")
    assert (row["date"], row["closed_at"], row["source"]) == ("2018-05-02", "2018-05-02T20:00:00Z", "yahoo")
    assert row["as_of"] == "2018-06-11T00:00:00.000005Z"
    assert (row["low"], row["volume"], row["adj_close"]) == ("-37.63", "", "0.3333333333333333")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_text_is_a_formula(lake, out, begin):
    reason = f"{begin}HYPERLINK(\"http://x\",'y')"
    row = {"symbol": "AAPL", "timestamp": MAY, "source": "csv", "as_of": MAY, "fetched_at": MAY, "row": -1, "rule": "r"}
    table = pa.Table.from_pylist([row | {"low": -1.5, "reason": reason}, row | {"reason": f"it is {reason}"}], schema=QUARANTINE)
    publish(lake, lake.quarantine("1d"), "2018-05", table)
    assert main(["quarantine", "--out", str(out)]) == 0
    [formula, text] = read(out / "AAPL.csv")
    assert (formula["reason"], formula["low"], formula["row"]) == (f"'{reason}", "-1.5", "-1")
    assert text["reason"] == f"it is {reason}"


def test_every_dataset(lake, out):
    append_actions(lake, "AAPL", "yahoo", JUNE, [Action(MAY.date(), ActionKind.DIVIDEND, 0.5)])
    append_actions(lake, "AAPL", "hand", JULY, [Action(JUNE.date(), ActionKind.SPLIT, 4)])
    write_chain(lake, LandedChain("yahoo", "AAPL", EXPIRY, FETCHED), rows())
    landed = Landed("csv", "BTC/USDT", "1h", Adjustment.NONE, MAY, JUNE, JULY, "a test")
    write_landing(lake, landed, pa.Table.from_pylist([{"timestamp": MAY + timedelta(hours=1)} | PRICES], schema=LANDING))
    for arguments in (["actions"], ["option_chains"], ["landing", "--timeframe", "1h"]):
        assert main([*arguments, "--out", str(out / arguments[0])]) == 0
    assert [row["value"] for row in read(out / "actions" / "AAPL.csv")] == ["0.5", "4"]
    assert [(row["expiry"], row["right"], row["delayed"]) for row in read(out / "option_chains" / "AAPL.csv")] == [
        ("2021-03-19", "call", "true"),
        ("2021-03-19", "put", "true"),
    ]
    [row] = read(out / "landing" / "BTC%2FUSDT.csv")
    assert (row["timestamp"], row["fetched_at"]) == ("2018-05-01T01:00:00Z", "2018-07-01T00:00:00Z")


def test_bars_of_two_sources_are_not_mixed(lake, out, bars, capsys):
    publish(lake, lake.bars("1d"), "2018-07", pa.Table.from_pylist([bar("AAPL", JULY, "ibkr")], schema=BARS))
    assert main(["bars", "--out", str(out)]) == 1
    assert "AAPL has 1d bars from ibkr and from yahoo; name one of them as the source" in capsys.readouterr().err
    assert list(out.iterdir()) == []
    assert main(["bars", "--source", "ibkr", "--out", str(out)]) == 0
    assert [row["date"] for row in read(out / "AAPL.csv")] == ["2018-07-01"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bars", "--symbols", "../../x"], "'../../x' is not a symbol"),
        (["bars", "--symbols", "AAPL", "IBM"], "holds no 1d bars of IBM in this time"),
        (["bars", "--timeframe", "1h"], "holds no 1h bars in this time"),
        (["bars", "--source", "csv"], "holds no 1d bars from csv in this time"),
        (["bars", "--start", "yesterday"], "start 'yesterday' is not a date"),
        (["features"], "no 1d features were built yet"),
    ],
)
def test_what_cannot_be_written_is_one_sentence_and_no_file(out, bars, capsys, arguments, words):
    assert main([*arguments, "--out", str(out)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("export_csv: ")
    assert words in line
    assert not out.exists() or list(out.iterdir()) == []


def test_nothing_is_written_over(out, bars, capsys):
    out.mkdir()
    (out / "AAPL.csv").write_text("mine")
    assert main(["bars", "--out", str(out)]) == 1
    assert f"{out}/AAPL.csv is there already" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["AAPL.csv"]
    assert (out / "AAPL.csv").read_text() == "mine"
    assert main(["bars", "--out", str(out / "AAPL.csv" / "x")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_damaged_month_leaves_no_file(lake, out, bars, capsys):
    [part] = Path(lake.root, lake.bars("1d"), "month=2018-06").glob("*.parquet")
    part.write_bytes(part.read_bytes()[:-20])
    assert main(["bars", "--out", str(out)]) == 1
    assert "is not readable as Parquet" in capsys.readouterr().err
    assert list(out.iterdir()) == []
