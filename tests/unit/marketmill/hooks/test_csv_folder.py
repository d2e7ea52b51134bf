from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from include.errors import ConfigurationError
from include.universes import load_universe, pick_instruments
from marketmill.hooks.csv_folder import CsvFolderHook
from marketmill.outcomes import ConfirmedEmpty, Data, Permanent

CONTENT = "date,open,high,low,close,volume\n2018-06-28,1,1,1,1,1\n2018-07-02,2,2,2,2,2\n"
JUNE = datetime(2018, 6, 1, tzinfo=UTC), datetime(2018, 7, 1, tzinfo=UTC)


def instrument(symbol):
    return pick_instruments(load_universe("sample"), [symbol])[0]


@pytest.fixture
def hook(tmp_path):
    return CsvFolderHook(str(tmp_path))


def test_an_interval_of_a_file(tmp_path, hook):
    (tmp_path / "AAPL.csv").write_text(CONTENT)
    outcome = hook.fetch(instrument("AAPL"), "1d", *JUNE)
    assert isinstance(outcome, Data)
    assert outcome.rows["timestamp"].to_pylist() == [datetime(2018, 6, 28, tzinfo=UTC)]
    assert outcome.as_of == datetime(2018, 7, 3, tzinfo=UTC)


def test_files_that_are_not_used_are_named_with_what_to_type(tmp_path, hook):
    for name in ("AAPL", "%5EGSPC", "NVDA", "BTC-USDT", "my notes"):
        (tmp_path / f"{name}.csv").write_text(CONTENT)
    (tmp_path / "readme.txt").touch()
    asked = [instrument("AAPL"), instrument("^GSPC")]
    said = hook.tell_unused(asked)
    assert said.startswith("not used, since neither the universe nor symbols names what they hold: BTC-USDT.csv, NVDA.csv, my notes.csv; ")
    conf = json.loads(said.split("--conf '")[1].split("'")[0])
    assert conf == {"source": "csv", "csv_folder": str(tmp_path), "symbols": ["BTC/USDT", "NVDA"]}
    for name in ("NVDA", "BTC-USDT"):
        (tmp_path / f"{name}.csv").unlink()
    assert hook.tell_unused(asked).endswith("my notes.csv; name a file after its symbol, for example AAPL.csv")
    (tmp_path / "my notes.csv").unlink()
    assert hook.tell_unused(asked) == ""


def test_nothing_in_the_interval_is_confirmed_by_the_universe(tmp_path, hook):
    (tmp_path / "AAPL.csv").write_text(CONTENT)
    may = datetime(2018, 5, 1, tzinfo=UTC), datetime(2018, 6, 1, tzinfo=UTC)
    unlisted = instrument("AAPL").model_copy(update={"listed": date(2018, 6, 28)})
    assert hook.fetch(unlisted, "1d", *may) == ConfirmedEmpty("it was listed on 2018-06-28")
    delisted = instrument("AAPL").model_copy(update={"delisted": date(2018, 4, 30)})
    assert hook.fetch(delisted, "1d", *may) == ConfirmedEmpty("it was delisted on 2018-04-30")


def test_a_file_that_does_not_reach_the_time_asked_for_proves_nothing(tmp_path, hook):
    (tmp_path / "AAPL.csv").write_text(CONTENT)
    may = datetime(2018, 5, 1, tzinfo=UTC), datetime(2018, 6, 1, tzinfo=UTC)
    assert hook.fetch(instrument("AAPL"), "1d", *may) == Permanent(
        "its file holds 2018-06-28 to 2018-07-02, no bar from 2018-05-01 up to (not including) 2018-06-01; "
        "put the bars into it, or say in the universe when the symbol was listed or delisted"
    )


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("^GSPC", "^GSPC"),
        ("^GSPC", "%5EGSPC"),
        ("BTC/USDT", "BTC-USDT"),
        ("BTC/USDT", "BTC_USDT"),
        ("BTC/USDT", "BTCUSDT"),
        ("BTC/USDT", "BTC%2FUSDT"),
    ],
)
def test_names_of_files(tmp_path, hook, symbol, name):
    (tmp_path / f"{name}.csv").write_text(CONTENT)
    assert isinstance(hook.fetch(instrument(symbol), "1d", *JUNE), Data)


def test_a_file_under_an_earlier_name_is_taken_where_there_is_none_of_today(tmp_path, hook):
    (tmp_path / "FB.csv").write_text(CONTENT)
    [meta] = pick_instruments(load_universe("global26"), ["FB"])
    assert meta.symbol == "META"
    assert hook.edition(meta, "1d").startswith("FB.csv ")
    assert isinstance(hook.fetch(meta, "1d", *JUNE), Data)
    (tmp_path / "META.csv").write_text(CONTENT)
    assert hook.edition(meta, "1d").startswith("META.csv ")


def test_a_missing_file_names_what_was_looked_for(tmp_path, hook):
    outcome = hook.fetch(instrument("BTC/USDT"), "1d", *JUNE)
    assert isinstance(outcome, Permanent)
    assert outcome.reason == f"{tmp_path} holds no file BTC%2FUSDT.csv or BTC-USDT.csv or BTC_USDT.csv or BTCUSDT.csv"


def test_two_files_of_one_symbol(tmp_path, hook):
    for name in ("BTC-USDT", "BTCUSDT"):
        (tmp_path / f"{name}.csv").write_text(CONTENT)
    outcome = hook.fetch(instrument("BTC/USDT"), "1d", *JUNE)
    assert isinstance(outcome, Permanent)
    assert "both" in outcome.reason


def test_a_bad_file_is_a_permanent_failure_with_line_and_column(tmp_path, hook):
    (tmp_path / "AAPL.csv").write_text(CONTENT.replace(",2,2,2,2,2", ",2,two,2,2,2"))
    outcome = hook.fetch(instrument("AAPL"), "1d", *JUNE)
    assert isinstance(outcome, Permanent)
    assert outcome.reason.startswith("AAPL.csv, line 3, column high: 'two' is not a number")


def test_an_edition_follows_the_content(tmp_path, hook):
    path = tmp_path / "AAPL.csv"
    missing = hook.edition(instrument("AAPL"), "1d")
    path.write_text(CONTENT)
    first = hook.edition(instrument("AAPL"), "1d")
    path.write_text(CONTENT.replace("2,2", "3,3"))
    assert len({missing, first, hook.edition(instrument("AAPL"), "1d")}) == 3
    assert first.startswith("AAPL.csv sha256:")


def test_a_file_that_is_corrected_is_read_again(tmp_path, hook):
    path = tmp_path / "AAPL.csv"
    path.write_text("nonsense")
    assert isinstance(hook.fetch(instrument("AAPL"), "1d", *JUNE), Permanent)
    path.write_text(CONTENT)
    assert isinstance(hook.fetch(instrument("AAPL"), "1d", *JUNE), Data)


def test_the_last_day_is_that_of_the_files_that_can_be_read(tmp_path, hook):
    assert hook.last_day([instrument("AAPL")], "1d") is None
    (tmp_path / "AAPL.csv").write_text(CONTENT)
    (tmp_path / "^GSPC.csv").write_text("nonsense")
    assert hook.last_day([instrument("AAPL"), instrument("^GSPC"), instrument("^IXIC")], "1d") == date(2018, 7, 2)


@pytest.mark.parametrize("folder", [None, "", "/no/such/folder"])
def test_no_folder(folder):
    with pytest.raises(ConfigurationError, match="csv_folder"):
        CsvFolderHook(folder)
