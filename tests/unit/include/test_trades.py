"""Publishing trades, reading them back, and their ids."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from include.errors import LakeError
from include.results.tables import TRADES_SANDBOX
from include.trades import TRADES, list_runs, publish_trades, read_trades, trade_ids


def made(*days: int, symbol: str = "AAPL") -> pd.DataFrame:
    at = pd.to_datetime([f"2018-06-{day:02d}" for day in days], utc=True).as_unit("us")
    row = dict.fromkeys(TRADES.names, 0.0) | dict.fromkeys(("run_id", "strategy", "parameters", "timeframe"), "x")
    row |= {
        "symbol": symbol,
        "side": np.int8(1),
        "bars_held": 1,
        "exit_reason": "stop",
        "ambiguous": False,
        "is_oos": True,
        "simulated": True,
    }
    frame = pd.DataFrame([row] * len(days), columns=TRADES.names).assign(decided_at=at, entered_at=at, exited_at=at)
    return frame.assign(trade_id=trade_ids(frame))[TRADES.names]


def test_the_same_trades_in_any_order_are_the_same_month(lake):
    first = publish_trades(lake, "r", "2018-06", made(1, 2, 3))
    again = publish_trades(lake, "r", "2018-06", made(3, 1, 2))
    assert (first.changed, again.changed, again.content) == (True, False, first.content)
    pd.testing.assert_frame_equal(read_trades(lake, "r"), made(1, 2, 3))
    assert list_runs(lake) == ["r"]


def test_a_month_is_replaced(lake):
    publish_trades(lake, "r", "2018-06", made(1, 2, 3))
    publish_trades(lake, "r", "2018-06", made(2))
    assert read_trades(lake, "r", ["2018-06"])["entered_at"].dt.day.tolist() == [2]
    publish_trades(lake, "r", "2018-06", made())
    assert read_trades(lake, "r").empty
    assert read_trades(lake, "nobody").empty


def test_an_id_is_that_of_run_strategy_symbol_and_entry():
    ids = trade_ids(made(1, 2))
    assert ids == trade_ids(made(1, 2))
    assert len({*ids, *trade_ids(made(1, 2, symbol="MSFT")), *trade_ids(made(1).assign(strategy="y"))}) == 5


def test_what_does_not_fit_is_refused(lake):
    with pytest.raises(LakeError, match="Casting field 'net_return' with null values"):
        publish_trades(lake, "r", "2018-06", made(1).assign(net_return=np.nan))
    assert list_runs(lake) == []


def test_the_table_has_the_columns_of_the_lake():
    assert [column.name for column in TRADES_SANDBOX.columns] == TRADES.names
    assert {column.name for column in TRADES_SANDBOX.columns if column.nullable} == {field.name for field in TRADES if field.nullable}
