"""The figures, each worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ml.simulation import performance as of


def test_roi_and_drawdown():
    returns = np.array([0.10, -0.20, 0.0, 0.05])
    assert of.roi(returns) == pytest.approx(1.1 * 0.8 * 1.05 - 1)
    assert np.allclose(of.drawdowns(returns), [0, 0.2, 0.2, 0.16])
    assert of.max_drawdown(returns) == pytest.approx(0.2)
    assert of.max_drawdown(np.array([-0.1, 0.05])) == pytest.approx(0.1)  # the start is a high too
    assert of.max_drawdown(np.array([0.1, 0.1])) == 0
    assert of.max_drawdown(np.array([])) == 0


def test_sharpe_ratio():
    assert of.sharpe_ratio(np.array([0.01, 0.03]), 252) == pytest.approx(0.02 / (math.sqrt(2) * 0.01) * math.sqrt(252))
    assert of.sharpe_ratio(np.array([-0.01, -0.03]), 100) == pytest.approx(-0.02 / (math.sqrt(2) * 0.01) * 10)
    assert of.sharpe_ratio(np.array([0.01]), 252) is None
    assert of.sharpe_ratio(np.full(50, 0.01), 252) is None
    assert of.sharpe_ratio(np.zeros(50), 252) is None


def test_wins_and_losses():
    profits = np.array([0.02, -0.01, 0.0, 0.01, -0.02])
    assert of.win_rate(profits) == pytest.approx(0.4)
    assert of.profit_factor(profits) == pytest.approx(1.0)
    assert of.expectancy(profits) == pytest.approx(0.0)
    assert of.win_rate(np.array([])) is None
    assert of.expectancy(np.array([])) is None
    assert of.profit_factor(np.array([0.1])) is None
    assert of.profit_factor(np.array([-0.1])) == 0


def test_turnover():
    assert of.turnover(np.array([1.0, 0.5]), np.array([1.1, 0.8]), years=0.5) == pytest.approx((2.1 + 0.9) / 0.5)


def score(**changes: float | None) -> float | None:
    figures = {"sharpe_ratio": 0.0, "roi": 0.0, "max_drawdown": 0.25, "win_rate": 0.0, "profit_factor": 0.0}
    return of.composite_score(**(figures | changes))


def test_the_score_is_its_formula():
    assert sum(of.WEIGHTS.values()) == pytest.approx(1)
    assert score() == pytest.approx(0.3 * 0.5 + 0.2 * 0.5)
    assert score(sharpe_ratio=2.0) - score() == pytest.approx(0.3 * (1 / (1 + math.exp(-2)) - 0.5))
    assert score(roi=0.1) - score() == pytest.approx(0.2 * (1 / (1 + math.exp(-2)) - 0.5))
    assert score(max_drawdown=0.05) - score() == pytest.approx(0.2 * 0.8)
    assert score(max_drawdown=0.9) == score()
    assert score(win_rate=0.6) - score() == pytest.approx(0.15 * 0.6)
    assert score(profit_factor=3.0) - score() == pytest.approx(0.15 * 0.75)
    assert score(profit_factor=None) - score() == pytest.approx(0.15)
    assert score(win_rate=None) is None
    assert score(sharpe_ratio=-900.0, roi=-1.0) == pytest.approx(0, abs=1e-8)
    best = score(sharpe_ratio=900.0, roi=9.0, max_drawdown=0.0, win_rate=1.0, profit_factor=None)
    assert best == pytest.approx(1)
