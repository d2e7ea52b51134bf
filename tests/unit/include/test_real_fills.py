"""Real fills from CSV: what they cost by hand, and each fault named by its line."""

from __future__ import annotations

import pytest

from include.errors import SourceError
from include.real_fills import FILLS, publish_fills, read_fills
from include.trades import read_trades

HEAD = "strategy,symbol,side,decided_at,entered_at,exited_at,decided_price,entry_price,exit_price,exit_decided_price,size,fees"
LONG = "mine,BTC/USDT,long,2024-06-03T14:29:59Z,2024-06-03T14:30:00Z,2024-06-03T17:00:00+02:00,100,101,110,111,0.5,0.002"
SHORT = "mine,ETH/USDT,short,2024-07-03T14:30:00Z,2024-07-03T14:30:00Z,2024-07-04T00:00:00Z,100,99,90,89.5,1,0.001"


@pytest.fixture
def write(tmp_path):
    def write(*lines: str) -> str:
        (tmp_path / "fills.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(tmp_path / "fills.csv")

    return write


def test_what_a_fill_cost_by_hand(write):
    long, short = read_fills(write(HEAD, LONG, SHORT), "5m").to_dict("records")
    assert long["net_return"] == pytest.approx(9 / 101 - 0.002)
    assert long["slippage"] == pytest.approx((1 + 1) / 101)  # bought one above, sold one below what was shown
    assert long["gross_return"] == pytest.approx((111 - 100) / 101)
    assert short["net_return"] == pytest.approx(9 / 99 - 0.001)
    assert short["slippage"] == pytest.approx((1 + 0.5) / 99)
    assert short["gross_return"] == pytest.approx((100 - 89.5) / 99)
    for one in (long, short):
        assert one["net_return"] == pytest.approx(one["gross_return"] - one["fees"] - one["spread_cost"] - one["slippage"])
        assert (one["simulated"], one["exit_reason"], one["run_id"]) == (False, "fill", FILLS)
    assert f"{long['exited_at']:%H:%M}" == "15:00"


def test_the_same_file_again_changes_nothing_and_a_longer_one_adds(lake, write):
    publish_fills(lake, read_fills(write(HEAD, LONG), "5m"))
    first = publish_fills(lake, read_fills(write(HEAD, LONG), "5m"))
    assert [month.changed for month in first] == [False]
    both = publish_fills(lake, read_fills(write(HEAD, LONG, SHORT), "5m"))
    assert [(month.month, month.changed) for month in both] == [("2024-06", False), ("2024-07", True)]
    corrected = LONG.replace(",110,", ",120,")
    publish_fills(lake, read_fills(write(HEAD, corrected), "5m"))
    trades = read_trades(lake, FILLS)
    assert trades["exit_price"].tolist() == [120, 90]
    assert trades[["take_profit", "stop", "bars_held"]].isna().all().all()


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([HEAD], "holds no trade"),
        ([HEAD.replace("fees", "fee"), LONG], r"line 1: columns are .*; they must be strategy, symbol, side"),
        ([HEAD, LONG.replace("long", "up")], "line 2, side: 'up' is neither long nor short"),
        ([HEAD, LONG, SHORT.replace("ETH/USDT", "../eth")], r"line 3, symbol: '\.\./eth' is not a symbol"),
        ([HEAD, LONG.replace(",101,", ",x,")], "line 2, entry_price: 'x' is no number"),
        ([HEAD, LONG.replace(",101,", ",nan,")], "line 2, entry_price: 'nan' is no number"),
        ([HEAD, LONG.replace(",101,", ",-1,")], "line 2, entry_price: -1 is not above 0"),
        ([HEAD, LONG.replace("2024-06-03T14:30:00Z", "2024-06-03T14:30:00")], "line 2, entered_at: .* has no offset"),
        ([HEAD, LONG.replace("2024-06-03T14:30:00Z", "yesterday")], "line 2, entered_at: 'yesterday' is no time"),
        ([HEAD, LONG.replace("2024-06-03T14:30:00Z", "2025-06-03T14:30:00Z")], "line 2: decided_at, entered_at and exited_at must follow"),
        ([HEAD, LONG + ",1"], "line 2: it has not as many fields"),
        ([HEAD, LONG.rsplit(",", 1)[0]], "line 2: it has not as many fields"),
        ([HEAD, LONG, LONG], "mine entered BTC/USDT at 2024-06-03 14:30:00\\+00:00 twice"),
        ([HEAD, LONG.replace("mine", " ", 1)], "line 2, strategy: a name"),
    ],
)
def test_a_fault_is_named(write, lines, fault):
    with pytest.raises(SourceError, match=fault):
        read_fills(write(*lines), "5m")


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(SourceError, match="cannot be read as CSV"):
        read_fills(tmp_path / "missing.csv", "5m")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="cannot be read as CSV"):
        read_fills(tmp_path / "binary.csv", "5m")
