"""Features that TA-Lib does not define equal a reference written here in plain NumPy, a window at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from spark_jobs.features.catalog import REGISTRY
from tests.unit.spark_jobs.made_bars import cut, ordinary, symbol_bars

BARS = ordinary(500, 22)


def returns(bars: SimpleNamespace) -> npt.NDArray[np.float64]:
    return np.diff(bars.close) / bars.close[:-1]


def logs(bars: SimpleNamespace) -> npt.NDArray[np.float64]:
    return np.diff(np.log(bars.close))


def garman_klass(bars: SimpleNamespace) -> float:
    total = 0.0
    for t in range(1, 21):
        jump, span = math.log(bars.open[t] / bars.close[t - 1]), math.log(bars.high[t] / bars.low[t])
        total += jump**2 + span**2 / 2 - (2 * math.log(2) - 1) * math.log(bars.close[t] / bars.open[t]) ** 2
    return math.sqrt(total / 20)


def ulcer(bars: SimpleNamespace) -> float:
    falls = [100 * (bars.close[t] / bars.close[t - 13 : t + 1].max() - 1) for t in range(13, 27)]
    return math.sqrt(sum(fall**2 for fall in falls) / 14)


def money_flow(bars: SimpleNamespace) -> float:
    place = (2 * bars.close - bars.high - bars.low) / (bars.high - bars.low)
    return float((place * bars.volume).sum() / bars.volume.sum())


def ease(bars: SimpleNamespace) -> float:
    middle = (bars.high + bars.low) / 2
    box = bars.volume[1:] / 1e8 / (bars.high - bars.low)[1:]
    return float((np.diff(middle) / box).mean())


def breakout(bars: SimpleNamespace) -> float:
    return float(bars.close[-1] > bars.high[:-1].max()) - float(bars.close[-1] < bars.low[:-1].min())


def lagged(values: npt.NDArray[np.float64]) -> float:
    return float(np.corrcoef(values[1:], values[:-1])[0, 1])


def entropy(bars: SimpleNamespace) -> float:
    counts, _ = np.histogram(logs(bars), bins=10)
    return float(stats.entropy(counts) / math.log(10))


def variance_ratio(bars: SimpleNamespace) -> float:
    prices = np.log(bars.close)
    five, one = prices[5:] - prices[:-5], np.diff(prices)[-60:]
    return float(five.var() / (5 * one.var()))


def engulfing(bars: SimpleNamespace) -> float:
    (o1, o2), (c1, c2) = bars.open, bars.close
    if c1 < o1 and o2 < c1 and c2 > o1:
        return 1.0
    return -1.0 if c1 > o1 and o2 > c1 and c2 < o1 else 0.0


def share_of_steps(values: npt.NDArray[np.float64]) -> float:
    return sum(b > a for a, b in itertools.pairwise(values)) / (values.size - 1)


#: Name to how the value is made of exactly the last ``warm_up + 1`` bars.
WINDOWED: dict[str, Callable[[SimpleNamespace], float]] = {
    "momentum_252_21": lambda b: b.close[-22] / b.close[0] - 1,
    "volatility_20": lambda b: logs(b).std(ddof=1),
    "volatility_60": lambda b: logs(b).std(ddof=1),
    "range_volatility_20": garman_klass,
    "parkinson_20": lambda b: math.sqrt((np.log(b.high / b.low) ** 2).sum() / (4 * 20 * math.log(2))),
    "ulcer_14": ulcer,
    "close_to_vwap_20": lambda b: b.close[-1] / np.average((b.high + b.low + b.close) / 3, weights=b.volume) - 1,
    "chaikin_money_flow_20": money_flow,
    "ease_of_movement_14": ease,
    "up_volume_20": lambda b: b.volume[1:][np.diff(b.close) > 0].sum() / b.volume[1:].sum(),
    "illiquidity_20": lambda b: (np.abs(returns(b)) / (b.close * b.volume)[1:]).mean() * 1e6,
    "close_to_resistance_20": lambda b: b.close[-1] / b.high[:-1].max() - 1,
    "close_to_support_20": lambda b: b.close[-1] / b.low[:-1].min() - 1,
    "breakout_20": breakout,
    "breakout_55": breakout,
    "higher_highs_10": lambda b: share_of_steps(b.high),
    "higher_lows_10": lambda b: share_of_steps(b.low),
    "opening_gap": lambda b: b.open[1] / b.close[0] - 1,
    "upper_shadow": lambda b: (b.high[0] - max(b.open[0], b.close[0])) / (b.high[0] - b.low[0]),
    "lower_shadow": lambda b: (min(b.open[0], b.close[0]) - b.low[0]) / (b.high[0] - b.low[0]),
    "inside_bar": lambda b: float(b.high[1] < b.high[0] and b.low[1] > b.low[0]),
    "engulfing": engulfing,
    "log_return_1": lambda b: math.log(b.close[1] / b.close[0]),
    "autocorrelation_20_1": lambda b: lagged(logs(b)),
    "autocorrelation_60_1": lambda b: lagged(logs(b)),
    "size_autocorrelation_60_1": lambda b: lagged(np.abs(logs(b))),
    "entropy_60": entropy,
    "skewness_60": lambda b: stats.skew(logs(b), bias=False),
    "kurtosis_60": lambda b: stats.kurtosis(logs(b), bias=False),
    "variance_ratio_60_5": variance_ratio,
    "return_rank_60": lambda b: (stats.rankdata(returns(b))[-1] - 1) / 59,
    "downside_deviation_20": lambda b: math.sqrt((np.minimum(returns(b), 0) ** 2).mean()),
    "mean_to_deviation_60": lambda b: logs(b).mean() / logs(b).std(ddof=1),
    "up_share_20": lambda b: share_of_steps(b.close),
    "breadth_above_sma_50": lambda b: float(b.close[-1] > b.close.mean()),
    "breadth_above_sma_200": lambda b: float(b.close[-1] > b.close.mean()),
    "breadth_rising_1": lambda b: float(b.close[1] > b.close[0]),
    "breadth_high_252": lambda b: float(b.close[-1] == b.close.max()),
}


def weighted_volatility() -> npt.NDArray[np.float64]:
    squares = np.diff(np.log(BARS["close"])) ** 2
    variance, result = squares[:20].mean(), [math.nan] * 20
    for square in squares[20:]:
        result.append(math.sqrt(variance))
        variance = 0.94 * variance + 0.06 * square
    return np.array([*result, math.sqrt(variance)])


def rsi_divergence() -> npt.NDArray[np.float64]:
    rsi = REGISTRY["rsi_14"].values(symbol_bars(BARS))
    result = np.full(rsi.size, np.nan)
    for t in range(28, rsi.size):
        close_before, rsi_before = BARS["close"][t - 14 : t], rsi[t - 14 : t]
        bearish = BARS["close"][t] > close_before.max() and rsi[t] < rsi_before.max()
        bullish = BARS["close"][t] < close_before.min() and rsi[t] > rsi_before.min()
        result[t] = float(bullish) - float(bearish)
    return result


def volume_price_trend() -> npt.NDArray[np.float64]:
    steps = np.diff(BARS["close"]) / BARS["close"][:-1] * BARS["volume"][1:]
    return np.append(np.nan, np.cumsum(steps))


RECURSIVE: dict[str, Callable[[], npt.NDArray[np.float64]]] = {
    "ewma_volatility_20": weighted_volatility,
    "rsi_divergence_14": rsi_divergence,
    "volume_price_trend": volume_price_trend,
}

REFERENCES = [*WINDOWED, *RECURSIVE]


@pytest.mark.parametrize("name", WINDOWED)
def test_equals_the_window_at_a_time(name: str) -> None:
    feature = REGISTRY[name]
    length = feature.facts.warm_up + 1
    found = feature.values(symbol_bars(BARS))
    for last in range(length - 1, BARS["close"].size, 3):
        window = SimpleNamespace(**cut(BARS, last + 1 - length, last + 1))
        assert math.isclose(found[last], WINDOWED[name](window), rel_tol=1e-9, abs_tol=1e-13), last


@pytest.mark.parametrize("name", RECURSIVE)
def test_equals_the_loop(name: str) -> None:
    np.testing.assert_allclose(REGISTRY[name].values(symbol_bars(BARS)), RECURSIVE[name](), rtol=1e-10)


@pytest.mark.parametrize("name", ["breakout_20", "rsi_divergence_14", "engulfing"])
def test_signs_take_all_their_values(name: str) -> None:
    found = REGISTRY[name].values(symbol_bars(ordinary(4000, 23)))
    assert set(found[np.isfinite(found)]) == {-1.0, 0.0, 1.0}
