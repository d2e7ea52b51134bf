"""One rule of verdicts: what something simpler keeps too is no merit."""

import numpy as np
import pandas as pd
import pytest

from ml.validation.verdicts import covers, simpler_keepers, verdict

DAYS = pd.Series(pd.date_range("2015-01-01", periods=400, tz="UTC"))


@pytest.mark.parametrize(
    ("kept", "simpler", "expected"),
    [(False, False, "not met"), (False, True, "not met"), (True, True, "trivially met"), (True, False, "met")],
)
def test_three_verdicts(kept, simpler, expected):
    assert verdict(kept=kept, simpler=simpler) == expected


def test_who_keeps_a_promise_as_the_model_does():
    noise = np.random.default_rng(3).normal(size=(4, len(DAYS)))
    losses = {
        "model": 0.9 + 0.01 * noise[0],
        "shares": np.ones(len(DAYS)),
        "better": 0.8 + 0.01 * noise[1],
        "weaker": 0.95 + 0.01 * noise[2],
        "lucky": 0.99 + 1.0 * (noise[3] - noise[3].mean()),
    }
    assert simpler_keepers(losses, "shares", DAYS) == ["better", "weaker"], "the strongest first; luck keeps nothing"
    # Not told from luck, and yet no worse than the model.
    wild = losses | {"lucky": losses["lucky"] - 0.2}
    assert simpler_keepers(wild, "shares", DAYS)[0] == "lucky"
    assert simpler_keepers({name: losses[name] for name in ("model", "shares")}, "shares", DAYS) == []


@pytest.mark.parametrize(("width", "expected", "told"), [(1.645, "met", ""), (2.2, "not met", "too wide"), (1.2, "not met", "too narrow")])
def test_intervals_hold_what_they_say(width, expected, told):
    actual = np.random.default_rng(4).normal(size=len(DAYS) * 20)
    rows = pd.DataFrame({"actual": actual, "lower": -width, "upper": width, "closed_at": np.repeat(DAYS, 20)})
    found = covers(rows)
    assert found["text"] == "9 outcomes of 10 lie inside the 90 % interval, give or take 2 points"
    assert found["verdict"] == expected
    assert told in found["reason"]
    assert f"{np.mean(np.abs(actual) <= width):.1%} do" in found["reason"]
