import numpy as np
import pandas as pd
import pytest

from include.errors import ModelError
from ml.labels.regime4 import BEAR, BULL, HIGH_VOL, INPUTS, PRIORITY, SIDEWAYS, regime4

CALM = {"vix": 18.0, "sma_50_to_200": 0.02, "return_20": 0.01, "adx_14": 25.0, "volatility_20": 0.008}
WILD = {"vix": 31.0, "sma_50_to_200": -0.02, "return_20": -0.01, "adx_14": 25.0, "volatility_20": 0.02}


def one(**inputs):
    return regime4(pd.DataFrame([inputs])).iloc[0]


@pytest.mark.parametrize(
    ("inputs", "code", "by_default"),
    [
        (CALM, BULL, 0),
        (CALM | {"vix": 20.0}, SIDEWAYS, 1),
        (CALM | {"sma_50_to_200": 0.0}, SIDEWAYS, 1),
        (CALM | {"return_20": 0.0}, SIDEWAYS, 1),
        (CALM | {"return_20": 0.0, "adx_14": 19.9}, SIDEWAYS, 0),
        (CALM | {"return_20": 0.0, "adx_14": 20.0}, SIDEWAYS, 1),
        (CALM | {"adx_14": 10.0}, BULL, 0),
        (WILD, BEAR, 0),
        (WILD | {"vix": 30.0}, SIDEWAYS, 1),
        (WILD | {"return_20": 0.0}, HIGH_VOL, 0),
        (WILD | {"sma_50_to_200": 0.0}, HIGH_VOL, 0),
        (WILD | {"return_20": 0.0, "volatility_20": 0.015}, SIDEWAYS, 1),
        (WILD | {"volatility_20": 0.001}, BEAR, 0),
        (WILD | {"return_20": 0.0, "adx_14": 5.0}, HIGH_VOL, 0),
    ],
)
def test_rules_in_their_order_at_their_edges(inputs, code, by_default):
    found = one(**inputs)
    assert (found["value"], found["by_default"]) == (code, by_default)


@pytest.mark.parametrize("name", INPUTS)
def test_an_unknown_input_gives_no_regime(name):
    assert one(**(CALM | {name: np.nan})).isna().all()


def test_the_order_is_published():
    assert list(PRIORITY.items()) == [("bear", BEAR), ("high vol", HIGH_VOL), ("bull", BULL), ("sideways", SIDEWAYS), ("default", SIDEWAYS)]


def test_other_units_are_refused():
    with pytest.raises(ModelError, match="regime4: VIX must be in points"):
        regime4(pd.DataFrame([CALM | {"vix": 0.18}] * 3))
    with pytest.raises(ModelError, match="regime4: return_20 must be a fraction"):
        regime4(pd.DataFrame([CALM | {"return_20": 1.0}] * 3))
