"""Option chains accumulate; a file is never changed, and says what it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from include.errors import LakeError
from include.lake import Lake, parquet_bytes
from include.option_chains import OPTION_CHAIN, LandedChain, find_chain, list_chains, read_chain, write_chain

EXPIRY = date(2021, 3, 19)
FETCHED = datetime(2021, 3, 1, 18, tzinfo=UTC)


def chain(expiry: date = EXPIRY, fetched_at: datetime = FETCHED, symbol: str = "AAPL") -> LandedChain:
    return LandedChain("yahoo", symbol, expiry, fetched_at)


def rows(expiry: date = EXPIRY, **changed: object) -> pa.Table:
    row = {"expiry": expiry, "strike": 120.0, "right": "call", "contract": "AAPL210319C00120000", "bid": 3.4, "ask": 3.6, "delayed": True}
    return pa.Table.from_pylist([row | changed, row | {"right": "put"}], schema=OPTION_CHAIN)


def test_a_chain_is_read_as_it_was_written(lake):
    path = write_chain(lake, chain(), rows())
    assert path == "option_chains/source=yahoo/symbol=AAPL/20210301T180000000000Z.parquet"
    table = read_chain(lake, chain())
    assert table.drop_columns(["symbol", "source", "fetched_at"]).equals(rows())
    assert table.select(["symbol", "source", "fetched_at"]).to_pylist()[0] == {"symbol": "AAPL", "source": "yahoo", "fetched_at": FETCHED}


def test_snapshots_accumulate(lake):
    chains = [chain(expiry, FETCHED + timedelta(days=days)) for days, expiry in ((0, EXPIRY), (7, EXPIRY), (7.1, date(2021, 4, 16)))]
    for one in chains:
        write_chain(lake, one, rows(one.expiry))
    write_chain(lake, chain(symbol="^VIX"), rows())
    assert list_chains(lake, "yahoo", "AAPL") == chains
    assert list_chains(lake, "yahoo", "AAPL", FETCHED + timedelta(days=7)) == chains[1:]
    assert find_chain(lake, "yahoo", "AAPL", EXPIRY) == chains[1]
    assert find_chain(lake, "yahoo", "AAPL", date(2021, 5, 21)) is None
    assert list_chains(lake, "ibkr", "AAPL") == []


def test_a_chain_is_never_rewritten(lake):
    write_chain(lake, chain(), rows())
    with pytest.raises(LakeError, match="option chains are never rewritten"):
        write_chain(lake, chain(), rows(bid=1.0))


@pytest.mark.parametrize("changed", [{"expiry": date(2021, 4, 16)}, {"right": "straddle"}, {"strike": 0.0}, {"strike": float("nan")}])
def test_rows_that_do_not_belong_are_refused(lake, changed):
    with pytest.raises(LakeError, match="option chain of AAPL from yahoo, expiry 2021-03-19: a row has another expiry"):
        write_chain(lake, chain(), rows(**changed))
    assert not lake.exists("option_chains")


def test_an_empty_chain_is_none(lake):
    with pytest.raises(LakeError, match="holds no option"):
        write_chain(lake, chain(), OPTION_CHAIN.empty_table())


def test_columns_are_checked(lake):
    with pytest.raises(LakeError, match="missing columns"):
        write_chain(lake, chain(), rows().drop_columns(["bid"]))


def test_a_time_needs_a_zone():
    with pytest.raises(LakeError, match="has no time zone"):
        chain(fetched_at=datetime(2021, 3, 1))


@pytest.mark.parametrize("damage", ["text", "parquet", "moved"])
def test_a_file_from_outside_is_named(lake: Lake, damage):
    path = write_chain(lake, chain(), rows())
    if damage == "text":
        lake.write(path, b"nothing")
    elif damage == "parquet":
        lake.write(path, parquet_bytes(rows()))
    else:
        lake.move(path, path.replace("20210301", "20210302"))
    with pytest.raises(LakeError, match=r"2021030.T180000000000Z.parquet .*bring it back from a copy"):
        list_chains(lake, "yahoo", "AAPL")
