from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.drift.outcomes import CALIBRATION, COVERAGE, LOSS, outcome_drift
from ml.drift.windows import Verdict


def classes(start: str, days: int, *, seed: int, came: float) -> pd.DataFrame:
    """Says 0.3 every day; it comes with the probability ``came``."""
    actual = (np.random.default_rng(seed).random(days) < came).astype(float)
    stamps = pd.date_range(start, periods=days, freq="B", tz="UTC")
    rows = pd.DataFrame({"label": "tomorrow", "timestamp": stamps, "actual": actual, "fold": 0, "model": 0.0, "p0": 0.7, "p1": 0.3})
    return rows.assign(**{"prior": 0.0, "prior p0": 0.5, "prior p1": 0.5})


def said(rows: pd.DataFrame, line: str = "model") -> pd.DataFrame:
    return rows.drop(columns=["fold", "prior", "prior p0", "prior p1"], errors="ignore").assign(line=line)


WALKED = classes("2008-01-01", 2500, seed=1, came=0.3)


def test_outcomes_as_often_as_said_are_steady():
    (found,) = outcome_drift(said(classes("2018-01-01", 120, seed=5, came=0.3)), WALKED, "log_loss")
    assert (found.label, found.line, found.rows, len(found.months)) == ("tomorrow", "model", 120, 6)
    assert {name: rank.verdict for name, rank in found.figures.items()} == {LOSS: Verdict.STEADY, CALIBRATION: Verdict.STEADY}


def test_outcomes_twice_as_often_as_said_have_drifted():
    (found,) = outcome_drift(said(classes("2018-01-01", 120, seed=5, came=0.6)), WALKED, "log_loss")
    assert found.figures[CALIBRATION].verdict is Verdict.DRIFTED
    assert found.figures[LOSS].verdict is Verdict.DRIFTED


def test_a_served_baseline_is_ranked_among_its_own_past():
    """The prior says 0.5 of what comes three times in ten: it always did, so nothing drifted."""
    rows = classes("2018-01-01", 120, seed=5, came=0.3).assign(p0=0.5, p1=0.5)
    (found,) = outcome_drift(said(rows, "prior"), WALKED, "log_loss")
    assert found.line == "prior"
    assert found.figures[CALIBRATION].usual == pytest.approx(0.2, abs=0.03)
    assert found.figures[CALIBRATION].verdict is Verdict.STEADY


def numbers(start: str, days: int, *, seed: int, error: float) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    actual = chance.normal(size=days)
    stamps = pd.date_range(start, periods=days, freq="B", tz="UTC")
    rows = pd.DataFrame({"label": "tomorrow", "timestamp": stamps, "actual": actual, "fold": 0})
    model = actual + error * chance.normal(size=days)
    return rows.assign(model=model, lower=model - 1, upper=model + 1, line="model")


def test_outcomes_outside_the_interval_are_counted():
    walked = numbers("2008-01-01", 2500, seed=1, error=0.5).drop(columns="line")
    (steady,) = outcome_drift(numbers("2018-01-01", 120, seed=2, error=0.5), walked, "rmse")
    (wild,) = outcome_drift(numbers("2018-01-01", 120, seed=2, error=1.5), walked, "rmse")
    assert {rank.verdict for rank in steady.figures.values()} == {Verdict.STEADY}
    assert wild.figures[COVERAGE].figure == pytest.approx(0.5, abs=0.1)
    assert wild.figures[COVERAGE].verdict is wild.figures[LOSS].verdict is Verdict.DRIFTED
