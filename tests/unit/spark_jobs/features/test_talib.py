"""Every feature that TA-Lib defines equals TA-Lib."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from spark_jobs.features.catalog import REGISTRY
from tests.unit.spark_jobs.made_bars import ordinary, symbol_bars

talib = pytest.importorskip("talib", reason="TA-Lib is not installed")
from tests.unit.spark_jobs.features.test_references import REFERENCES  # noqa: E402

Series = npt.NDArray[np.float64]
BARS = ordinary(1200, 21)
O, H, L, C, V = (BARS[name] for name in ("open", "high", "low", "close", "volume"))  # noqa: E741


def _bands() -> tuple[Series, Series, Series]:
    upper, middle, lower = talib.BBANDS(C, 20, 2, 2)
    return upper, middle, lower


ORACLES: dict[str, Callable[[], Series]] = {
    **{f"sma_{n}": (lambda n=n: talib.SMA(C, n)) for n in (5, 10, 20, 50, 200)},
    **{f"ema_{n}": (lambda n=n: talib.EMA(C, n)) for n in (12, 26)},
    **{f"close_to_sma_{n}": (lambda n=n: C / talib.SMA(C, n) - 1) for n in (20, 50, 200)},
    "sma_50_to_200": lambda: talib.SMA(C, 50) / talib.SMA(C, 200) - 1,
    "macd_12_26_9": lambda: talib.MACD(C)[0],
    "macd_signal_12_26_9": lambda: talib.MACD(C)[1],
    "macd_histogram_12_26_9": lambda: talib.MACD(C)[2],
    "plus_di_14": lambda: talib.PLUS_DI(H, L, C, 14),
    "minus_di_14": lambda: talib.MINUS_DI(H, L, C, 14),
    "adx_14": lambda: talib.ADX(H, L, C, 14),
    "cci_20": lambda: talib.CCI(H, L, C, 20),
    "aroon_25": lambda: talib.AROONOSC(H, L, 25),
    "slope_20": lambda: talib.LINEARREG_SLOPE(C, 20) / talib.SMA(C, 20),
    "close_to_parabolic_stop": lambda: C / talib.SAR(H, L) - 1,
    **{f"rsi_{n}": (lambda n=n: talib.RSI(C, n)) for n in (7, 14, 21)},
    "stochastic_rsi_14": lambda: talib.STOCHRSI(C, 14, 14, 3)[0],
    "stochastic_k_14_3": lambda: talib.STOCH(H, L, C, 14, 3, 0, 3, 0)[0],
    "stochastic_d_14_3_3": lambda: talib.STOCH(H, L, C, 14, 3, 0, 3, 0)[1],
    "williams_r_14": lambda: talib.WILLR(H, L, C, 14),
    **{f"roc_{n}": (lambda n=n: talib.ROC(C, n)) for n in (10, 120)},
    "mfi_14": lambda: talib.MFI(H, L, C, V, 14),
    "ppo_12_26": lambda: talib.PPO(C, 12, 26, 1),
    "tsi_25_13": lambda: 100 * _twice(np.diff(C)) / _twice(np.abs(np.diff(C))),
    "ultimate_7_14_28": lambda: talib.ULTOSC(H, L, C, 7, 14, 28),
    "trix_15": lambda: talib.TRIX(C, 15),
    "awesome_5_34": lambda: talib.SMA((H + L) / 2, 5) - talib.SMA((H + L) / 2, 34),
    "atr_14": lambda: talib.ATR(H, L, C, 14),
    "natr_14": lambda: talib.NATR(H, L, C, 14),
    "standard_deviation_20": lambda: talib.STDDEV(C, 20),
    "bollinger_width_20": lambda: (_bands()[0] - _bands()[2]) / _bands()[1],
    "bollinger_percent_20": lambda: (C - _bands()[2]) / (_bands()[0] - _bands()[2]),
    "keltner_width_20_10": lambda: 4 * talib.ATR(H, L, C, 10) / talib.EMA(C, 20),
    "keltner_position_20_10": lambda: (C - talib.EMA(C, 20)) / (2 * talib.ATR(H, L, C, 10)),
    "donchian_width_20": lambda: (talib.MAX(H, 20) - talib.MIN(L, 20)) / C,
    "on_balance_volume": lambda: talib.OBV(C, V),
    "on_balance_slope_20": lambda: talib.LINEARREG_SLOPE(talib.OBV(C, V), 20) / talib.SMA(V, 20),
    "volume_ratio_20": lambda: V / talib.SMA(V, 20),
    "volume_5_to_20": lambda: talib.SMA(V, 5) / talib.SMA(V, 20) - 1,
    "volume_zscore_20": lambda: (V - talib.SMA(V, 20)) / talib.STDDEV(V, 20),
    "accumulation_distribution": lambda: talib.AD(H, L, C, V),
    "force_13": lambda: np.append(np.nan, talib.EMA(np.diff(C) * V[1:], 13)),
    "close_to_high_252": lambda: C / talib.MAX(H, 252) - 1,
    "close_to_low_252": lambda: C / talib.MIN(L, 252) - 1,
    "body_to_range": lambda: talib.BOP(O, H, L, C),
    **{f"return_{n}": (lambda n=n: talib.ROCP(C, n)) for n in (1, 5, 20, 60)},
    **{f"zscore_{n}": (lambda n=n: (C - talib.SMA(C, n)) / talib.STDDEV(C, n)) for n in (20, 60)},
    "drawdown_60": lambda: C / talib.MAX(C, 60) - 1,
    "trend_fit_20": lambda: talib.CORREL(C, np.arange(C.size, dtype=float), 20) ** 2,
    "return_volume_correlation_20": lambda: np.append(np.nan, talib.CORREL(np.diff(C) / C[:-1], V[1:], 20)),
}


def _twice(values: Series) -> Series:
    once = talib.EMA(values, 25)
    return np.concatenate([[np.nan], once[:24], talib.EMA(once[24:], 13)])


@pytest.mark.parametrize("name", ORACLES)
def test_equals_talib(name: str) -> None:
    feature = REGISTRY[name]
    expected, found = ORACLES[name](), feature.values(symbol_bars(BARS))
    known = ~np.isnan(expected)
    assert known[feature.facts.warm_up + 3 :].all() or feature.facts.warm_up < 40
    assert known.sum() > 900
    scale = np.abs(expected[known]).max()
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-10, atol=1e-12 * scale)


def test_every_feature_has_an_oracle() -> None:
    assert set(REGISTRY) == set(ORACLES) | set(REFERENCES)
