"""pandas-ta-classic: its indicators one by one on each symbol's frame, results joined by pandas."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pandas_ta_classic as ta
import pyarrow as pa
import pyarrow.parquet as pq
from common import BARS, KEYS, bar_files, ready, write


def features(bars: pd.DataFrame) -> list[pd.Series | pd.DataFrame]:
    o, h, l, c, v = (bars[name] for name in BARS[2:])  # noqa: E741
    return [
        *(ta.sma(c, n) for n in (5, 10, 20, 50, 200)), *(ta.ema(c, n) for n in (12, 26)),
        ta.macd(c), ta.adx(h, l, c), ta.cci(h, l, c, 20), ta.aroon(h, l, 25), ta.linreg(c, 20, slope=True), ta.psar(h, l, c),
        *(ta.rsi(c, n) for n in (7, 14, 21)), ta.stochrsi(c), ta.stoch(h, l, c, 14, 3, 3), ta.willr(h, l, c), *(ta.roc(c, n) for n in (10, 120)),
        ta.mfi(h, l, c, v), ta.ppo(c), ta.tsi(c), ta.uo(h, l, c), ta.trix(c, 15), ta.ao(h, l),
        ta.atr(h, l, c), ta.natr(h, l, c), ta.stdev(c, 20), ta.bbands(c, 20), ta.kc(h, l, c, 20), ta.donchian(h, l, 20, 20), ta.ui(c),
        ta.obv(c, v), ta.ad(h, l, c, v), ta.cmf(h, l, c, v, length=20), ta.efi(c, v), ta.eom(h, l, c, v), ta.pvt(c, v),
        ta.bop(o, h, l, c), *(ta.percent_return(c, n) for n in (1, 5, 20, 60)), ta.log_return(c, 1),
        *(ta.zscore(c, n) for n in (20, 60)), ta.entropy(c, 60), ta.skew(c, 60), ta.kurtosis(c, 60), ta.drawdown(c), ta.variance(c, 60),
    ]  # fmt: skip


def tables() -> Iterator[pa.Table]:
    bars = pa.concat_tables(pq.read_table(name, columns=BARS, partitioning=None) for name in bar_files()).to_pandas()
    for _, group in bars.sort_values(KEYS).groupby("symbol", sort=False):
        frame = pd.concat(features(group), axis=1).astype("float32")
        frame.columns = [f"{number:02d}_{name}" for number, name in enumerate(frame.columns)]
        yield pa.Table.from_pandas(pd.concat([group[KEYS], frame], axis=1), preserve_index=False)


if __name__ == "__main__":
    ready()
    write(tables())
