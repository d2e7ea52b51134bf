"""TA-Lib, called for one symbol after the other from Python, with pandas around it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import talib
from common import BARS, KEYS, bar_files, ready, write


def features(bars: pd.DataFrame) -> dict[str, np.ndarray]:
    o, h, l, c, v = (bars[name].to_numpy() for name in BARS[2:])  # noqa: E741
    change = np.diff(c, prepend=np.nan)
    returns = talib.ROCP(c, 1)
    logs = np.log(c / np.append(np.nan, c[:-1]))
    typical = (h + l + c) / 3
    macd, signal, histogram = talib.MACD(c)
    upper, middle, lower = talib.BBANDS(c, 20, 2, 2)
    slow_k, slow_d = talib.STOCH(h, l, c, 14, 3, 0, 3, 0)
    obv, line, span = talib.OBV(c, v), talib.AD(h, l, c, v), np.where(h > l, h - l, np.nan)
    steps = pd.Series(logs)
    return {
        **{f"sma_{n}": talib.SMA(c, n) for n in (5, 10, 20, 50, 200)},
        **{f"ema_{n}": talib.EMA(c, n) for n in (12, 26)},
        **{f"close_to_sma_{n}": c / talib.SMA(c, n) - 1 for n in (20, 50, 200)},
        "sma_50_to_200": talib.SMA(c, 50) / talib.SMA(c, 200) - 1,
        "macd": macd, "macd_signal": signal, "macd_histogram": histogram,
        "plus_di_14": talib.PLUS_DI(h, l, c, 14), "minus_di_14": talib.MINUS_DI(h, l, c, 14), "adx_14": talib.ADX(h, l, c, 14),
        "cci_20": talib.CCI(h, l, c, 20), "aroon_25": talib.AROONOSC(h, l, 25), "slope_20": talib.LINEARREG_SLOPE(c, 20) / talib.SMA(c, 20),
        "parabolic": c / talib.SAR(h, l) - 1,
        **{f"rsi_{n}": talib.RSI(c, n) for n in (7, 14, 21)},
        "stochastic_rsi_14": talib.STOCHRSI(c, 14, 14, 3)[0], "stochastic_k": slow_k, "stochastic_d": slow_d,
        "williams_r_14": talib.WILLR(h, l, c, 14), **{f"roc_{n}": talib.ROC(c, n) for n in (10, 120)},
        "momentum_252_21": np.append(np.full(252, np.nan), c[231:-21] / c[:-252] - 1), "mfi_14": talib.MFI(h, l, c, v, 14),
        "ppo_12_26": talib.PPO(c, 12, 26, 1), "ultimate": talib.ULTOSC(h, l, c, 7, 14, 28), "trix_15": talib.TRIX(c, 15),
        "awesome_5_34": talib.SMA((h + l) / 2, 5) - talib.SMA((h + l) / 2, 34),
        "atr_14": talib.ATR(h, l, c, 14), "natr_14": talib.NATR(h, l, c, 14),
        **{f"volatility_{n}": talib.STDDEV(logs, n) for n in (20, 60)},
        "parkinson_20": np.sqrt(talib.SMA(np.log(h / l) ** 2, 20) / (4 * np.log(2))),
        "standard_deviation_20": talib.STDDEV(c, 20),
        "bollinger_width_20": (upper - lower) / middle, "bollinger_percent_20": (c - lower) / (upper - lower),
        "keltner_width": 4 * talib.ATR(h, l, c, 10) / talib.EMA(c, 20),
        "keltner_position": (c - talib.EMA(c, 20)) / (2 * talib.ATR(h, l, c, 10)),
        "donchian_width_20": (talib.MAX(h, 20) - talib.MIN(l, 20)) / c,
        "on_balance_volume": obv, "on_balance_slope_20": talib.LINEARREG_SLOPE(obv, 20) / talib.SMA(v, 20),
        "volume_ratio_20": v / talib.SMA(v, 20), "volume_5_to_20": talib.SMA(v, 5) / talib.SMA(v, 20) - 1,
        "volume_zscore_20": (v - talib.SMA(v, 20)) / talib.STDDEV(v, 20),
        "close_to_vwap_20": c / (talib.SUM(typical * v, 20) / talib.SUM(v, 20)) - 1,
        "accumulation_distribution": line, "chaikin_20": talib.SUM(np.diff(line, prepend=0.0), 20) / talib.SUM(v, 20),
        "force_13": talib.EMA(np.nan_to_num(change) * v, 13), "up_volume_20": talib.SUM(np.where(change > 0, v, 0.0), 20) / talib.SUM(v, 20),
        "illiquidity_20": talib.SMA(np.abs(returns) / (typical * v), 20),
        "close_to_resistance_20": c / np.append(np.nan, talib.MAX(h, 20)[:-1]) - 1,
        "close_to_support_20": c / np.append(np.nan, talib.MIN(l, 20)[:-1]) - 1,
        "close_to_high_252": c / talib.MAX(h, 252) - 1, "close_to_low_252": c / talib.MIN(l, 252) - 1,
        "opening_gap": o / np.append(np.nan, c[:-1]) - 1, "body_to_range": talib.BOP(o, h, l, c),
        "upper_shadow": (h - np.maximum(o, c)) / span, "lower_shadow": (np.minimum(o, c) - l) / span,
        "inside_bar": talib.CDLHARAMI(o, h, l, c), "engulfing": talib.CDLENGULFING(o, h, l, c),
        **{f"return_{n}": talib.ROCP(c, n) for n in (1, 5, 20, 60)}, "log_return_1": logs,
        **{f"zscore_{n}": (c - talib.SMA(c, n)) / talib.STDDEV(c, n) for n in (20, 60)},
        **{f"autocorrelation_{n}": talib.CORREL(logs, np.append(np.nan, logs[:-1]), n) for n in (20, 60)},
        "skewness_60": steps.rolling(60).skew().to_numpy(), "kurtosis_60": steps.rolling(60).kurt().to_numpy(),
        "return_rank_60": steps.rolling(60).rank(pct=True).to_numpy(), "drawdown_60": c / talib.MAX(c, 60) - 1,
        "downside_20": np.sqrt(talib.SMA(np.minimum(returns, 0.0) ** 2, 20)),
        "trend_fit_20": talib.CORREL(c, np.arange(c.size, dtype=float), 20) ** 2,
        "return_volume_correlation_20": talib.CORREL(returns, v, 20),
    }  # fmt: skip


def tables() -> Iterator[pa.Table]:
    bars = pa.concat_tables(pq.read_table(name, columns=BARS, partitioning=None) for name in bar_files()).to_pandas()
    for _, group in bars.sort_values(KEYS).groupby("symbol", sort=False):
        columns = {name: values.astype(np.float32) for name, values in features(group).items()}
        yield pa.Table.from_pandas(pd.DataFrame({name: group[name].to_numpy() for name in KEYS} | columns), preserve_index=False)


if __name__ == "__main__":
    ready()
    write(tables())
