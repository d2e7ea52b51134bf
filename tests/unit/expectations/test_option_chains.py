"""The rules for quotes of options, on made rows and on a real chain."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from expectations.chain_check import check_chains
from expectations.option_chains import flag_quotes, option_chain_suite
from expectations.suite_run import SuiteRun
from include.lake import Lake
from include.option_chains import OPTION_CHAIN, LandedChain, write_chain
from include.schemas import TIMESTAMP
from tests.shared_data import shared_data

FETCHED = datetime(2025, 9, 28, 12, tzinfo=UTC)
SOUND: dict[str, Any] = {
    "expiry": date(2025, 10, 3), "strike": 250.0, "right": "call", "contract": "AAPL", "bid": 6.0, "ask": 6.2, "last": 6.1,
    "last_trade": FETCHED - timedelta(days=2), "implied_volatility": 0.25, "delayed": True,
}  # fmt: skip


def table(rows: list[dict[str, Any]]) -> pa.Table:
    chain = pa.Table.from_pylist([dict.fromkeys(OPTION_CHAIN.names) | row for row in rows], schema=OPTION_CHAIN)
    return chain.append_column("fetched_at", pa.array([FETCHED] * chain.num_rows, TIMESTAMP))


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, None),
        ({"last_trade": None, "implied_volatility": None}, None),
        ({"bid": 6.2}, None),
        ({"bid": 0.0}, "bid_there"),
        ({"bid": None, "ask": None}, "bid_there,ask_there"),
        ({"bid": 6.3}, "quote_not_crossed"),
        ({"bid": -1.0}, "bid_there"),
        ({"last_trade": FETCHED - timedelta(days=8)}, "trade_fresh"),
        ({"implied_volatility": 0.00001}, "volatility_plausible"),
        ({"implied_volatility": 7.0}, "volatility_plausible"),
        ({"strike": 260.0}, "option_once"),
    ],
    ids=str,
)
def test_a_quote_carries_its_warnings(changes: dict[str, Any], flags: str | None) -> None:
    rows = [SOUND | changes, SOUND | {"strike": 260.0}, SOUND | {"strike": 270.0}]
    assert flag_quotes(SuiteRun(option_chain_suite()), table(rows))[0] == flags


def test_a_real_chain_of_yahoo(lake: Lake) -> None:
    """Zero bids and volatilities of nearly nothing are flagged, and all rows stay.

    No quote of this snapshot is crossed, without an ask, or there twice; three of its rows are damaged to show what is said then.
    """
    names = {
        "lastPrice": "last",
        "optionType": "right",
        "contractSymbol": "contract",
        "lastTradeDate": "last_trade",
        "expiration": "expiry",
    }
    frame = pd.read_csv(shared_data("options", "AAPL_2025-09-28_yfinance.csv")).rename(
        columns=names | {"impliedVolatility": "implied_volatility"}
    )
    assert not (frame["bid"] > frame["ask"]).any()
    frame.loc[0, ["bid", "ask"]] = frame.loc[0, ["ask", "bid"]].to_numpy(copy=True)
    frame.loc[1, "ask"] = None
    frame = pd.concat([frame, frame.iloc[[2]]], ignore_index=True)
    frame["last_trade"] = pd.to_datetime(frame["last_trade"], utc=True)
    frame["expiry"], frame["delayed"] = pd.to_datetime(frame["expiry"]).dt.date, False
    for number, (expiry, rows) in enumerate(frame.groupby("expiry")):
        landed = LandedChain("yahoo", "AAPL", expiry, FETCHED + timedelta(seconds=number))
        write_chain(lake, landed, pa.Table.from_pandas(rows.reindex(columns=OPTION_CHAIN.names), schema=OPTION_CHAIN, preserve_index=False))
    summary = check_chains(lake, "yahoo", ["AAPL"], FETCHED)
    odd = (frame["implied_volatility"] < 0.01) | (frame["implied_volatility"] > 5)
    assert summary.options == len(frame) > 2000
    assert summary.flags["bid_there"] == (~(frame["bid"] > 0)).sum() > 100
    assert summary.flags["quote_not_crossed"] == 1
    assert summary.flags["volatility_plausible"] == odd.sum() > 50
    assert summary.flags["ask_there"] == (~(frame["ask"] > 0)).sum() >= 1
    assert summary.flags["trade_fresh"] == (frame["last_trade"] < FETCHED - timedelta(days=7)).sum() > 100
    assert summary.flags["option_once"] == 2
    assert '<td><a href="rules.html#quote_not_crossed">' in lake.read("reports/data_docs/check-yahoo-option_chains.html").decode()
