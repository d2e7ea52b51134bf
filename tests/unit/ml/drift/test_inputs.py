from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.drift.inputs import input_drift
from ml.drift.windows import Verdict

NAMES = ["calm", "slow"]


def rows(start: str, days: int, *, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """``calm`` is independent from day to day, ``slow`` wanders as volatility does."""
    chance = np.random.default_rng(seed)
    slow = np.zeros(days)
    for day in range(1, days):
        slow[day] = 0.98 * slow[day - 1] + chance.normal()
    stamps = pd.date_range(start, periods=days, freq="B", tz="UTC")
    return pd.DataFrame({"timestamp": stamps, "calm": chance.normal(size=days) + shift, "slow": slow})


TRAINING = rows("2010-01-01", 2200, seed=1)


def test_what_wanders_as_it_always_did_is_steady():
    """By the usual fixed bound of 0.25 nearly every half year of ``slow`` would have drifted."""
    verdicts, fixed = [], 0
    for seed in range(20):
        found = input_drift(TRAINING, rows("2018-07-02", 120, seed=seed + 50), NAMES)
        verdicts.append(found.mean.verdict)
        fixed += found.features["slow"].figure > 0.25
    assert fixed > 15
    assert verdicts.count(Verdict.DRIFTED) <= 3


def test_another_level_has_drifted():
    found = input_drift(TRAINING, rows("2018-07-02", 120, seed=3, shift=3.0), NAMES)
    assert found.mean.verdict is Verdict.DRIFTED
    assert next(iter(found.features)) == "calm"
    assert found.features["calm"].share == 0
    assert found.months == ["2018-07", "2018-08", "2018-09", "2018-10", "2018-11", "2018-12"]


def test_nulls_are_a_shift_of_their_own():
    later = rows("2018-07-02", 120, seed=3).assign(calm=np.nan)
    assert input_drift(TRAINING, later, NAMES).features["calm"].verdict is Verdict.DRIFTED


def test_the_index_by_hand():
    training = pd.DataFrame({"timestamp": pd.date_range("2010-01-01", periods=4, tz="UTC"), "x": [1.0, 1.0, 2.0, 2.0]})
    later = pd.DataFrame({"timestamp": pd.date_range("2010-02-01", periods=2, tz="UTC"), "x": [2.0, 2.0]})
    found = input_drift(training, later, ["x"])
    # Deciles of (1, 1, 2, 2) are 1, 1.2, 1.5, 1.8 and 2: a bin below 1, four between, one from 2 on, and one for nulls.
    p = np.array([0.5, 2.5, 0.5, 0.5, 0.5, 2.5, 0.5]) / 7.5
    q = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 2.5, 0.5]) / 5.5
    assert found.mean.figure == pytest.approx(((q - p) * np.log(q / p)).sum())
    assert found.mean.verdict is Verdict.EARLY


def test_without_a_later_row_there_is_nothing_to_say():
    assert input_drift(TRAINING, TRAINING[:0], NAMES) is None
