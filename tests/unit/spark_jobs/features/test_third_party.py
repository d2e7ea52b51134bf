"""Features against values that other people's programs computed (the shared data, where it is there)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from spark_jobs.features.catalog import REGISTRY
from tests.shared_data import shared_data
from tests.unit.spark_jobs.made_bars import symbol_bars

#: Feature, column of their file, their number in our unit, and from which bar on both must agree (None: from their first).
CASES: list[tuple[str, str, Callable[[pd.DataFrame], pd.Series], int | None]] = [
    ("rsi_14", "rsi", lambda f: f["rsi"], None),
    ("stochastic_k_14_3", "stoch", lambda f: f["oscillator"], None),
    ("stochastic_d_14_3_3", "stoch", lambda f: f["signal"], None),
    ("williams_r_14", "willr", lambda f: f["williamsR"], None),
    ("cci_20", "cci", lambda f: f["cci"], None),
    ("mfi_14", "mfi", lambda f: f["mfi"], None),
    ("ultimate_7_14_28", "uo", lambda f: f["ultimate"], None),
    ("awesome_5_34", "awesome", lambda f: f["oscillator"], None),
    ("atr_14", "atr", lambda f: f["atr"], None),
    ("natr_14", "atr", lambda f: f["atrp"], None),
    ("bollinger_width_20", "bb", lambda f: f["width"], None),
    ("bollinger_percent_20", "bb", lambda f: f["percentB"], None),
    ("zscore_20", "bb", lambda f: f["zScore"], None),
    ("keltner_width_20_10", "keltner", lambda f: f["width"], None),
    ("chaikin_money_flow_20", "cmf", lambda f: f["cmf"], None),
    ("accumulation_distribution", "adl", lambda f: f["adl"], None),
    ("tsi_25_13", "tsi", lambda f: f["tsi"], None),
    ("macd_12_26_9", "macd", lambda f: f["macd"], 300),
    ("adx_14", "adx", lambda f: f["adx"], 400),
]


@pytest.mark.parametrize(("name", "file", "theirs", "start"), CASES, ids=[case[0] for case in CASES])
def test_equals_stock_indicators(name: str, file: str, theirs: Callable[[pd.DataFrame], pd.Series], start: int | None) -> None:
    quotes = pd.read_csv(shared_data("indicators", "stock_indicators", "quotes_default.csv"))
    expected = theirs(pd.read_csv(shared_data("indicators", "stock_indicators", f"{file}.csv"))).to_numpy(np.float64)
    found = REGISTRY[name].values(symbol_bars({column: quotes[column].to_numpy(np.float64) for column in quotes.columns[1:]}))
    known = ~np.isnan(expected)
    known[: start or 0] = False
    assert known.sum() > 90
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-9 if start is None else 1e-7, atol=1e-9)
