import numpy as np
import pandas as pd
import pytest

from ml.labels.regime3 import INPUTS, MEDIAN_BARS, NO_TRADE, RANGE, REGIMES, TREND, regime3

BARS = 140
LAST = BARS - 1


def rows(**last: float) -> pd.DataFrame:
    """A quiet market without a direction, of which every rule leaves the last bar to the default; ``last`` changes that bar."""
    table = pd.DataFrame({"symbol": "A", **{name: np.full(BARS, 1.0) for name in INPUTS}})
    table = table.assign(adx_14=22.0, ema_26=100.0, atr_14=2.0, natr_14=2.0, bollinger_width_20=0.1)
    for name, value in last.items():
        table.loc[LAST, name] = value
    return table


@pytest.mark.parametrize(
    ("last", "code"),
    [
        ({}, NO_TRADE),
        ({"adx_14": 25.1, "ema_26": 101.1}, TREND),
        ({"adx_14": 25.1, "ema_26": 98.9}, TREND),
        ({"adx_14": 25.0, "ema_26": 101.1}, NO_TRADE),
        ({"adx_14": 25.1, "ema_26": 101.0}, NO_TRADE),
        ({"adx_14": 19.9, "bollinger_width_20": 0.099}, RANGE),
        ({"adx_14": 20.0, "bollinger_width_20": 0.099}, NO_TRADE),
        ({"adx_14": 19.9, "bollinger_width_20": 0.1}, NO_TRADE),
        ({"adx_14": 25.1, "ema_26": 101.1, "volume_ratio_20": 0.19}, NO_TRADE),
        ({"adx_14": 25.1, "ema_26": 101.1, "natr_14": 0.99}, NO_TRADE),
        ({"adx_14": 19.9, "bollinger_width_20": 0.099, "natr_14": 5.01}, NO_TRADE),
        ({"adx_14": 25.1, "ema_26": 101.1, "volume_ratio_20": np.nan}, TREND),
        ({"adx_14": np.nan}, np.nan),
        ({"bollinger_width_20": np.nan}, np.nan),
    ],
)
def test_each_rule_at_its_bounds(last: dict[str, float], code: float) -> None:
    np.testing.assert_equal(regime3(rows(**last))[LAST], code)


def test_the_first_bars_have_no_label() -> None:
    label = regime3(rows())
    assert label.isna().tolist() == [True] * (MEDIAN_BARS - 1) + [False] * (BARS - MEDIAN_BARS + 1)


def test_symbols_do_not_mix() -> None:
    one, other = rows(adx_14=19.0, bollinger_width_20=0.05), rows(adx_14=30.0, ema_26=110.0).assign(symbol="B", bollinger_width_20=9.0)
    together = regime3(pd.concat([one, other], ignore_index=True))
    assert together.tolist()[:BARS] == pytest.approx(regime3(one).tolist(), nan_ok=True)
    assert together.tolist()[BARS:] == pytest.approx(regime3(other).tolist(), nan_ok=True)


def test_later_bars_change_no_label() -> None:
    chance = np.random.default_rng(4)
    table = pd.DataFrame({"symbol": "A", **{name: np.exp(chance.normal(size=400)) for name in INPUTS}})
    table["adx_14"] *= 20
    whole = regime3(table)
    assert set(whole.dropna()) == {0.0, 1.0, 2.0}
    pd.testing.assert_series_equal(regime3(table.iloc[:250]), whole.iloc[:250])


def test_names() -> None:
    assert (REGIMES[TREND], REGIMES[RANGE], REGIMES[NO_TRADE]) == ("TREND", "RANGE", "NO_TRADE")
