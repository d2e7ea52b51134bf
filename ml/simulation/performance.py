"""What a series of trades was worth: eight figures and a score made of them, each by a formula that is written here.

Returns are fractions: ``returns`` of the equity bar by bar (0 without a position), ``profits`` of the equity trade by trade
(``size * net_return``). A figure that cannot be known is None, never 0.
"""

from __future__ import annotations

import math

import numpy as np

from ml.simulation.bars import Series

#: Weights of the composite score; they add up to 1.
WEIGHTS = {"sharpe_ratio": 0.30, "roi": 0.20, "max_drawdown": 0.20, "win_rate": 0.15, "profit_factor": 0.15}
#: A drawdown from which nothing is left of its part of the score.
_WORST_DRAWDOWN = 0.25
#: How fast the part of the return saturates: 0.88 at a return of 10 %, 0.12 at -10 %.
_ROI_SCALE = 0.05


def roi(returns: Series) -> float:
    """Return on the equity over the whole time, compounded: ``prod(1 + r) - 1``."""
    return float(np.prod(1 + returns) - 1)


def sharpe_ratio(returns: Series, bars_a_year: float) -> float | None:
    """Annualised Sharpe ratio (Sharpe 1994) without a risk-free rate: ``mean(r) / std(r) * sqrt(bars a year)``, divisor n - 1.

    None below two bars, or where the returns do not vary.
    """
    if len(returns) < 2:
        return None
    spread = float(np.std(returns, ddof=1))
    # Of equal numbers the computed deviation is not 0 but some rounding.
    if spread <= 1e-12 * float(np.abs(returns).max()) or spread == 0:
        return None
    return float(np.mean(returns)) / spread * math.sqrt(bars_a_year)


def drawdowns(returns: Series) -> Series:
    """How far the equity is below its highest value so far (the start counts), at each bar, a fraction between 0 and 1."""
    equity = np.cumprod(1 + returns)
    below: Series = 1 - equity / np.maximum(np.maximum.accumulate(equity), 1.0)
    return below


def max_drawdown(returns: Series) -> float:
    """Largest of :func:`drawdowns`; 0 where the equity never falls."""
    return float(drawdowns(returns).max(initial=0.0))


def win_rate(profits: Series) -> float | None:
    """Share of the trades that earned something after costs; None without a trade."""
    return float(np.mean(profits > 0)) if len(profits) else None


def profit_factor(profits: Series) -> float | None:
    """What the winning trades earned over what the losing trades lost; None where no trade lost."""
    lost = -float(profits[profits < 0].sum())
    return float(profits[profits > 0].sum()) / lost if lost > 0 else None


def turnover(sizes: Series, price_ratios: Series, years: float) -> float:
    """Traded notional a year, entries and exits, as a multiple of the equity: ``sum(size * (1 + exit / entry)) / years``."""
    return float((sizes * (1 + price_ratios)).sum() / years)


def expectancy(profits: Series) -> float | None:
    """Mean profit of a trade, a fraction of the equity; None without a trade."""
    return float(np.mean(profits)) if len(profits) else None


def composite_score(
    *, sharpe_ratio: float | None, roi: float, max_drawdown: float, win_rate: float | None, profit_factor: float | None
) -> float | None:
    """One number between 0 and 1 of five figures, the mean of these by :data:`WEIGHTS`; None without a trade.

    - Sharpe ratio: ``1 / (1 + exp(-sharpe))``, 0.5 at 0; 0.5 where there is none;
    - return: ``1 / (1 + exp(-roi / 0.05))``;
    - drawdown: ``1 - min(1, drawdown / 0.25)``;
    - win rate as it is;
    - profit factor: ``factor / (1 + factor)``, the share of the gains in all that was moved; 1 where no trade lost.

    It sums up the past. It is no forecast, and nothing that is made of it may be a label.
    """
    if win_rate is None:
        return None
    parts = {
        "sharpe_ratio": _logistic(sharpe_ratio or 0.0),
        "roi": _logistic(roi / _ROI_SCALE),
        "max_drawdown": 1 - min(1.0, max_drawdown / _WORST_DRAWDOWN),
        "win_rate": win_rate,
        "profit_factor": 1.0 if profit_factor is None else profit_factor / (1 + profit_factor),
    }
    return sum(WEIGHTS[name] * part for name, part in parts.items())


def _logistic(value: float) -> float:
    return 0.5 * (1 + math.tanh(value / 2))
