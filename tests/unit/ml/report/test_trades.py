"""The page of trades: what it says of luck, of an edge, and of what was learnt before."""

from __future__ import annotations

import numpy as np
import pytest

from include.costs import Costs
from include.errors import LakeError
from include.trades import publish_trades
from ml.report.trades import publish_trades_page
from ml.report.trading import count_tried, read_trading
from ml.simulation.fills import Bracket
from ml.simulation.rules import strategies
from ml.simulation.run import Run, simulate
from tests.unit.ml.simulation.lake import fill_lake, source_of

FREE = Costs(fee=0, half_spread=0, slippage=0, volatility_share=0)


class Oracle:
    """Knows the next bar: what a leak looks like."""

    strategy_id, parameters, bracket = "oracle", "{}", Bracket(9.0, 9.0, 1)

    def decide(self, bars):
        ahead = np.sign(np.concatenate([bars.close[1:] - bars.open[1:], [0]]))
        return ahead.astype(np.int8), np.ones(len(bars), dtype=np.bool_)


def publish(source, run):
    simulated = simulate(source, run)
    for month, part in simulated.trades.groupby(simulated.trades["entered_at"].dt.strftime("%Y-%m")):
        publish_trades(source.lake, simulated.run_id, str(month), part)
    return simulated.run_id


@pytest.fixture
def source(lake):
    fill_lake(lake, 730)
    return source_of(lake)


def test_rules_on_a_random_walk_have_no_edge_and_the_page_says_so(source):
    run_id = publish(source, Run("rules", list(strategies(["momentum", "reversal", "channel_breakout"])), FREE))
    view = read_trading(source, run_id, tried=11, seed=7)
    assert (view.verdict, len(view.strategies), view.symbols) == ("no edge", 11, ("BTC/USDT", "ETH/USDT"))
    sharpes = [one.sharpe for one in view.strategies]
    assert sharpes == sorted(sharpes, reverse=True)
    path = publish_trades_page(source, {run_id: 11}, run="r", seed=7)
    page = source.lake.read(path).decode()
    assert f"<b>{view.answer}</b>" in page
    assert view.answer.startswith("No edge found: ")
    assert "chosen from 11 strategies" in page
    assert f"p = {view.best.twins.p_value:.3f}" in page
    assert page.count("<svg") == 3
    assert "In sample" not in page


def test_a_strategy_that_never_traded_was_tried_as_well(source):
    run_id = publish(source, Run("rules", list(strategies(["momentum"])), FREE))
    all_traded, one_did_not = (read_trading(source, run_id, tried=tried, seed=7).deflated for tried in (4, 5))
    assert (all_traded.trials, one_did_not.trials) == (4, 5)
    assert one_did_not.expected_maximum > all_traded.expected_maximum


def test_what_was_tried_in_another_run_counts_wherever_one_looks(source):
    alone = publish(source, Run("rules", list(strategies(["momentum"])), FREE))
    assert count_tried(source, {alone: 4}) == 4
    publish(source, Run("rules", list(strategies(["momentum", "reversal"])), FREE))
    assert count_tried(source, {alone: 4}) == 7
    assert count_tried(source, {alone: 6}) == 9  # two that never traded
    assert count_tried(source_of(source.lake, "1h"), {}) == 0


def test_costs_that_eat_a_gain_are_no_edge_and_nothing_is_green(source):
    """Better than its twins, and yet a loss: the oracle pays more than it knows."""
    run_id = publish(source, Run("oracle", [Oracle()], Costs(fee=0.02, half_spread=0, slippage=0, volatility_share=0)))
    view = read_trading(source, run_id, tried=1, seed=7)
    assert view.best.twins.has_edge
    assert view.best.roi < 0 < view.best.mean("gross_return")
    assert (view.verdict, view.answer) == ("no edge", "No edge found: costs eat all that it earns.")
    page = source.lake.read(publish_trades_page(source, {run_id: 1}, run="r", seed=7)).decode()
    assert "it only loses less than they do" in page
    assert "0 of these 1 earned anything after costs" in page
    assert 'class="number better"' not in page


def test_picture_table_and_text_tell_one_return(source):
    run_id = publish(source, Run("rules", list(strategies(["momentum"])), FREE))
    best = read_trading(source, run_id, tried=4, seed=7).best
    assert best.twins.own == best.roi
    assert len(best.twins.twins) == len(best.twin_sharpes) == 200
    assert best.twins.twins.min() > -1


def test_who_knows_the_next_bar_beats_twins_and_luck(source):
    run_id = publish(source, Run("oracle", [Oracle(), *strategies(["momentum"])], FREE))
    view = read_trading(source, run_id, tried=11, seed=7)
    assert view.best.name == "oracle"
    assert view.best.twins.p_value == pytest.approx(1 / 201)
    assert view.verdict == "edge"
    assert "<b>An edge.</b>" in source.lake.read(publish_trades_page(source, {run_id: 11}, run="r", seed=7)).decode()


def test_what_was_learnt_before_is_marked_and_never_an_edge(source):
    run_id = publish(source, Run("oracle", [Oracle()], FREE, in_sample=True))
    view = read_trading(source, run_id, tried=11, seed=7)
    assert view.in_sample
    assert view.verdict == "in sample"
    page = source.lake.read(publish_trades_page(source, {run_id: 11}, run="r", seed=7)).decode()
    assert f"<b>In sample.</b> 0 of the {view.trades:,} trades".replace(",", "\u202f") in page
    assert 'class="mark-sample"' in page


def test_the_equity_is_that_of_the_trades(source):
    view = read_trading(source, publish(source, Run("rules", list(strategies(["reversal"])), FREE)), tried=3, seed=7)
    for one in view.strategies:
        profits = one.trades["size"] * one.trades["net_return"] / 2
        assert one.daily.sum() == pytest.approx(profits.sum())
        by_day = profits.groupby(one.trades["exited_at"].dt.normalize()).sum()
        assert one.roi == pytest.approx(np.prod(1 + by_day) - 1)
    assert len(view.log) == 20
    assert view.log["entered_at"].is_monotonic_decreasing


def test_nothing_to_show_is_an_error(source):
    with pytest.raises(LakeError, match="holds no trade of nobody; run the DAG simulate_trades"):
        publish_trades_page(source, {"nobody": 1}, run="r", seed=7)
