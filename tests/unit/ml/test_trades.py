from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from include.costs import Costs, costs_of
from include.errors import ModelError, UnsuitableError
from include.lake import Lake
from include.universes import load_universe
from ml.dataset import Source
from ml.trades import PARTICULARS, TRADE_FEATURES, trade_dataset, trade_rows
from tests.made_trades import made_trades, write_trades
from tests.model_lake import compute_features, real_bars, write_lake

BARS = real_bars("^GSPC", "2013-01-01", "2016-01-01")
TRADES = made_trades(BARS)
COSTS = costs_of("sample")
DEAR = COSTS.model_copy(update={"fee": 0.01})
FREE = Costs(fee=0, half_spread=0, slippage=0, volatility_share=0)
NET = {"net": lambda rows: rows["net_return"]}


@pytest.fixture
def lake(tmp_path: object) -> Lake:
    return write_lake(Lake(str(tmp_path)), [BARS])


@pytest.fixture
def source(lake: Lake) -> Source:
    return Source(lake, load_universe("sample"))


def test_each_trade_knows_the_market_of_its_decision(source: Source) -> None:
    write_trades(source.lake, TRADES)
    found = trade_rows(source, "edge_xgboost")
    rows, left_out = found.rows, found.left_out
    assert len(rows) == len(TRADES)
    assert not left_out
    known = compute_features(BARS).set_index("closed_at")
    for name in ("return_5", "natr_14"):
        np.testing.assert_array_equal(rows[name], known[name].reindex(rows["closed_at"]))
    np.testing.assert_array_equal(rows["with_return_5"], (rows["side"] * rows["return_5"]).astype(np.float32))
    assert set(rows["take_profit_ranges"].round(4)) == {1.0, 2.0}
    assert set(rows["stop_ranges"].round(4)) == {1.0}
    assert set(rows["hold"]) == {10.0}
    assert not rows.duplicated(["symbol", "timestamp", *PARTICULARS]).any()


def test_a_gap_before_the_entry_tells_nothing(source: Source) -> None:
    """All levels moved with the entry: the fill was elsewhere, what was decided is the same."""
    moved = TRADES.assign(**{name: TRADES[name] + 20.0 for name in ("entry_price", "take_profit", "stop")})
    write_trades(source.lake, TRADES)
    before = trade_rows(source, "edge_xgboost").rows[TRADE_FEATURES]
    write_trades(source.lake, moved)
    pd.testing.assert_frame_equal(trade_rows(source, "edge_xgboost").rows[TRADE_FEATURES], before, rtol=1e-4)


def test_outcomes_are_known_at_the_exit_and_open_ends_have_none(source: Source) -> None:
    cut = TRADES.assign(exit_reason=TRADES["exit_reason"].where(TRADES["exited_at"] < "2015-12-15", "end_of_bars"))
    write_trades(source.lake, cut)
    data = trade_dataset(source, "edge_xgboost", TRADE_FEATURES, NET)
    label, ended = data.labels["net"], data.rows["exit_reason"] != "end_of_bars"
    assert label["value"].notna().equals(ended)
    assert (~ended).sum() > 3
    assert label["known_at"].equals(data.rows["exited_at"])
    assert (label["known_at"] > data.rows["closed_at"]).all()


def test_what_ends_after_the_sources_time_is_not_known(source: Source) -> None:
    write_trades(source.lake, TRADES)
    end = datetime(2015, 11, 3, tzinfo=UTC)
    data = trade_dataset(replace(source, end=end), "edge_xgboost", TRADE_FEATURES, NET)
    assert (data.rows["closed_at"] <= end).all()
    label = data.labels["net"]
    assert (label.loc[label["value"].notna(), "known_at"] <= end).all()
    assert label["value"].isna().any()


def test_no_trades_is_told_with_what_to_run(source: Source) -> None:
    with pytest.raises(UnsuitableError, match=r"No trades found for edge_xgboost: .*trades holds no 1d trade of \^GSPC.*simulate_trades"):
        trade_rows(source, "edge_xgboost")
    write_trades(source.lake, TRADES.assign(timeframe="1h"))
    with pytest.raises(UnsuitableError, match="No trades found for risk_quantile"):
        trade_rows(source, "risk_quantile")


def test_too_few_trades_are_told(source: Source) -> None:
    write_trades(source.lake, TRADES[TRADES["strategy"] == "coin-1-1"].iloc[::2])
    with pytest.raises(ModelError, match=r"Insufficient data for training edge_xgboost: of trades, there are \d+ usable rows"):
        trade_rows(source, "edge_xgboost")


def test_trades_that_a_model_had_learnt_take_no_part(source: Source) -> None:
    write_trades(source.lake, TRADES.assign(is_oos=TRADES["strategy"] == "coin-1-1"))
    with pytest.raises(ModelError):  # what is left is too little
        trade_rows(replace(source, end=datetime(2014, 1, 1, tzinfo=UTC)), "edge_xgboost")
    write_trades(source.lake, TRADES.assign(is_oos=TRADES["entered_at"] > "2013-04-01"))
    found = trade_rows(source, "edge_xgboost")
    rows, left_out = found.rows, found.left_out
    assert (rows["entered_at"] > "2013-04-01").all()
    assert "had learnt how they end" in left_out["in-sample trades"]


def what_if(lake: Lake, run_id: str, costs: Costs, **how: bool) -> None:
    """The same trades a thousandth dearer, under a name that may come before or after."""
    write_trades(lake, TRADES.assign(run_id=run_id, net_return=TRADES["net_return"] - 0.001), costs, **how)


def test_a_what_if_teaches_nothing_and_is_named(source: Source) -> None:
    write_trades(source.lake, TRADES)
    alone = trade_dataset(source, "edge_xgboost", TRADE_FEATURES, NET)
    what_if(source.lake, "a-dear", DEAR)
    what_if(source.lake, "zero", FREE)
    what_if(source.lake, "z-learnt", COSTS, in_sample=True)
    again = trade_dataset(source, "edge_xgboost", TRADE_FEATURES, NET)
    assert again.content_hash() == alone.content_hash()
    assert again.learnt_from == {"runs": ["coin-test"], "costs": COSTS.model_dump()}
    assert not alone.left_out
    assert again.left_out == {
        "run a-dear": "it was simulated at fee 0.01 (in force: 0.0001)",
        "run zero": "it was simulated at fee 0 (in force: 0.0001), half_spread 0 (in force: 0.0001), slippage 0 (in force: 0.0001), "
        "volatility_share 0 (in force: 0.01)",
        "run z-learnt": "it is marked in-sample: its model had learnt how the trades end",
    }


def test_a_run_that_is_named_is_learnt_from_alone(source: Source) -> None:
    write_trades(source.lake, TRADES)
    what_if(source.lake, "dear", DEAR)
    what_if(source.lake, "learnt", COSTS, in_sample=True)
    found = trade_rows(replace(source, trades_run="dear"), "edge_xgboost")
    assert found.rows["run_id"].eq("dear").all()
    assert found.learnt_from == {"runs": ["dear"], "costs": DEAR.model_dump()}
    assert found.left_out["run coin-test"] == "the form names dear"
    with pytest.raises(UnsuitableError, match="'nobody' holds nothing of this universe and timeframe; there are coin-test, dear, learnt"):
        trade_rows(replace(source, trades_run="nobody"), "edge_xgboost")
    with pytest.raises(UnsuitableError, match="'learnt' is marked in-sample"):
        trade_rows(replace(source, trades_run="learnt"), "edge_xgboost")


def test_only_what_ifs_are_told_with_what_to_do(source: Source) -> None:
    what_if(source.lake, "dear", DEAR)
    with pytest.raises(
        UnsuitableError, match=r"only runs that ask what if \(dear: it was simulated at fee 0.01 .*run simulate_trades for un"
    ):
        trade_rows(source, "edge_xgboost")


def test_what_nobody_noted_the_costs_of_is_to_be_simulated_again(source: Source) -> None:
    write_trades(source.lake, TRADES)
    source.lake.delete("trades/run=coin-test/_run.json")
    with pytest.raises(UnsuitableError, match="coin-test: nobody noted at what costs it was simulated; run simulate_trades again"):
        trade_rows(source, "edge_xgboost")


def test_of_runs_at_equal_costs_the_one_that_reaches_furthest_counts(source: Source) -> None:
    short = TRADES[TRADES["exited_at"] < "2015-06-01"].assign(run_id="z-short", exit_reason="end_of_bars")
    write_trades(source.lake, TRADES)
    write_trades(source.lake, short)
    found = trade_rows(source, "edge_xgboost")
    assert found.rows["run_id"].eq("coin-test").all()
    assert found.left_out["trades of several runs"].startswith(f"{len(short)} are in more than one run")


def test_fills_between_bars_take_what_was_known_and_lack_what_they_lack(source: Source) -> None:
    fills = TRADES.assign(simulated=False, run_id="fills", strategy="mine-" + TRADES["strategy"], parameters="{}")
    fills = fills.assign(decided_at=fills["decided_at"] + pd.Timedelta(hours=1), take_profit=np.nan, stop=np.nan, adverse_excursion=np.nan)
    write_trades(source.lake, TRADES)
    write_trades(source.lake, fills)
    rows = trade_rows(source, "friction_xgboost").rows
    real = rows[rows["origin"] == "real"]
    assert len(real) == len(fills)
    assert real[["take_profit_ranges", "stop_ranges", "hold"]].isna().all(axis=None)
    assert (real["closed_at"] - pd.Timedelta(hours=1)).isin(BARS["closed_at"]).all()
    assert real["natr_14"].notna().mean() == rows["natr_14"].notna().mean()


def test_trades_before_any_features_are_named(lake: Lake) -> None:
    early = TRADES.iloc[:5].assign(
        **{name: TRADES[name].iloc[:5] - pd.Timedelta(days=4000) for name in ("decided_at", "entered_at", "exited_at")}
    )
    write_trades(lake, pd.concat([early, TRADES]))
    found = trade_rows(Source(lake, load_universe("sample")), "edge_xgboost")
    rows, left_out = found.rows, found.left_out
    assert len(rows) == len(TRADES)
    assert left_out["trades without features"].startswith("5 were decided before")
