"""polars: one lazy plan of expressions over symbols, five hundred symbols at a time."""

from __future__ import annotations

import polars as pl
from common import BARS, KEYS, OUT, bar_files, ready

_CHUNK = 500
o, h, l, c, v = (pl.col(name) for name in BARS[2:])  # noqa: E741
before = c.shift(1)
change, returns, logs = c - before, c / before - 1, (c / before).log()
true_range = pl.max_horizontal(h, before) - pl.min_horizontal(l, before)
typical, middle, span = (h + l + c) / 3, (h + l) / 2, h - l
flow = pl.when(span > 0).then((2 * c - h - l) / span * v).otherwise(0.0)
obv = (change.fill_null(0).sign() * v).cum_sum()


def ema(values: pl.Expr, window: int) -> pl.Expr:
    return values.ewm_mean(span=window, adjust=False)


def wilder(values: pl.Expr, window: int) -> pl.Expr:
    return values.ewm_mean(alpha=1 / window, adjust=False)


def rsi(window: int) -> pl.Expr:
    gain = wilder(change.clip(lower_bound=0), window)
    return 100 * gain / (gain + wilder((-change).clip(lower_bound=0), window))


def stochastic(values: pl.Expr, high: pl.Expr, low: pl.Expr, window: int) -> pl.Expr:
    lowest = low.rolling_min(window)
    return 100 * (values - lowest) / (high.rolling_max(window) - lowest)


def directional() -> dict[str, pl.Expr]:
    up, down = h - h.shift(1), l.shift(1) - l
    plus = 100 * wilder(pl.when((up > down) & (up > 0)).then(up).otherwise(0.0), 14) / wilder(true_range, 14)
    minus = 100 * wilder(pl.when((down > up) & (down > 0)).then(down).otherwise(0.0), 14) / wilder(true_range, 14)
    return {"plus_di_14": plus, "minus_di_14": minus, "adx_14": wilder(100 * (plus - minus).abs() / (plus + minus), 14)}


def features() -> dict[str, pl.Expr]:
    macd, double = ema(c, 12) - ema(c, 26), ema(ema(change, 25), 13) / ema(ema(change.abs(), 25), 13)
    triple = ema(ema(ema(c, 15), 15), 15)
    percent_k = stochastic(c, h, l, 14).rolling_mean(3)
    pressure = c - pl.min_horizontal(l, before)
    return {
        **{f"sma_{n}": c.rolling_mean(n) for n in (5, 10, 20, 50, 200)}, **{f"ema_{n}": ema(c, n) for n in (12, 26)},
        **{f"close_to_sma_{n}": c / c.rolling_mean(n) - 1 for n in (20, 50, 200)},
        "sma_50_to_200": c.rolling_mean(50) / c.rolling_mean(200) - 1,
        "macd": macd, "macd_signal": ema(macd, 9), "macd_histogram": macd - ema(macd, 9), **directional(),
        **{f"rsi_{n}": rsi(n) for n in (7, 14, 21)}, "stochastic_rsi_14": stochastic(rsi(14), rsi(14), rsi(14), 14),
        "stochastic_k": percent_k, "stochastic_d": percent_k.rolling_mean(3), "williams_r_14": stochastic(c, h, l, 14) - 100,
        **{f"roc_{n}": 100 * (c / c.shift(n) - 1) for n in (10, 120)}, "momentum_252_21": c.shift(21) / c.shift(252) - 1,
        "mfi_14": (pl.when(typical > typical.shift(1)).then(typical * v).otherwise(0.0)).rolling_sum(14) / (typical * v).rolling_sum(14),
        "ppo_12_26": ema(c, 12) / ema(c, 26) - 1, "tsi_25_13": 100 * double, "trix_15": triple / triple.shift(1) - 1,
        "ultimate": pl.sum_horizontal(w * pressure.rolling_sum(n) / true_range.rolling_sum(n) for w, n in ((4, 7), (2, 14), (1, 28))) / 7,
        "awesome_5_34": middle.rolling_mean(5) - middle.rolling_mean(34),
        "atr_14": wilder(true_range, 14), "natr_14": 100 * wilder(true_range, 14) / c,
        **{f"volatility_{n}": logs.rolling_std(n) for n in (20, 60)}, "ewma_volatility_20": (logs**2).ewm_mean(alpha=0.06, adjust=False).sqrt(),
        "parkinson_20": ((h / l).log() ** 2).rolling_mean(20).sqrt(), "standard_deviation_20": c.rolling_std(20, ddof=0),
        "bollinger_width_20": 4 * c.rolling_std(20, ddof=0) / c.rolling_mean(20),
        "bollinger_percent_20": (c - c.rolling_mean(20)) / (4 * c.rolling_std(20, ddof=0)) + 0.5,
        "keltner_width": 4 * wilder(true_range, 10) / ema(c, 20), "keltner_position": (c - ema(c, 20)) / (2 * wilder(true_range, 10)),
        "donchian_width_20": (h.rolling_max(20) - l.rolling_min(20)) / c, "ulcer_14": ((c / c.rolling_max(14) - 1) ** 2).rolling_mean(14).sqrt(),
        "on_balance_volume": obv, "volume_ratio_20": v / v.rolling_mean(20), "volume_5_to_20": v.rolling_mean(5) / v.rolling_mean(20) - 1,
        "volume_zscore_20": (v - v.rolling_mean(20)) / v.rolling_std(20),
        "close_to_vwap_20": c * v.rolling_sum(20) / (typical * v).rolling_sum(20) - 1,
        "accumulation_distribution": flow.cum_sum(), "chaikin_20": flow.rolling_sum(20) / v.rolling_sum(20), "force_13": ema(change * v, 13),
        "ease_of_movement_14": (middle.diff() * span / v).rolling_mean(14), "volume_price_trend": (v * returns).cum_sum(),
        "up_volume_20": pl.when(change > 0).then(v).otherwise(0.0).rolling_sum(20) / v.rolling_sum(20),
        "illiquidity_20": (returns.abs() / (typical * v)).rolling_mean(20),
        "close_to_resistance_20": c / h.shift(1).rolling_max(20) - 1, "close_to_support_20": c / l.shift(1).rolling_min(20) - 1,
        "breakout_20": (c > h.shift(1).rolling_max(20)).cast(pl.Float32) - (c < l.shift(1).rolling_min(20)).cast(pl.Float32),
        "close_to_high_252": c / h.rolling_max(252) - 1, "close_to_low_252": c / l.rolling_min(252) - 1,
        "higher_highs_10": (h > h.shift(1)).cast(pl.Float64).rolling_mean(10), "higher_lows_10": (l > l.shift(1)).cast(pl.Float64).rolling_mean(10),
        "opening_gap": o / before - 1, "body_to_range": (c - o) / span, "upper_shadow": (h - pl.max_horizontal(o, c)) / span,
        "lower_shadow": (pl.min_horizontal(o, c) - l) / span, "inside_bar": ((h < h.shift(1)) & (l > l.shift(1))).cast(pl.Float32),
        **{f"return_{n}": c / c.shift(n) - 1 for n in (1, 5, 20, 60)}, "log_return_1": logs,
        **{f"zscore_{n}": (c - c.rolling_mean(n)) / c.rolling_std(n, ddof=0) for n in (20, 60)},
        **{f"autocorrelation_{n}": pl.rolling_corr(logs, logs.shift(1), window_size=n) for n in (20, 60)},
        "skewness_60": logs.rolling_skew(60), "kurtosis_60": logs.rolling_kurtosis(60), "drawdown_60": c / c.rolling_max(60) - 1,
        "downside_20": (returns.clip(upper_bound=0) ** 2).rolling_mean(20).sqrt(), "mean_to_deviation_60": logs.rolling_mean(60) / logs.rolling_std(60),
        "up_share_20": (change > 0).cast(pl.Float64).rolling_mean(20), "return_volume_correlation_20": pl.rolling_corr(returns, v, window_size=20),
    }  # fmt: skip


def main() -> None:
    bars = pl.read_parquet(bar_files(), columns=BARS, hive_partitioning=False).sort(KEYS)
    names = bars["symbol"].unique().sort()
    wanted = [expression.over("symbol").cast(pl.Float32).alias(name) for name, expression in features().items()]
    for first in range(0, names.len(), _CHUNK):
        part = bars.lazy().filter(pl.col("symbol").is_in(names[first : first + _CHUNK].implode()))
        part.select(*KEYS, *wanted).collect().write_parquet(OUT / f"features-{first}.parquet", compression="lz4")
    print("columns", len(wanted), flush=True)


if __name__ == "__main__":
    ready()
    main()
