from typing import Any

import pytest

from ml.decision_card import render
from ml.gate import Decision, Evidence, Gain, Outcome

CARD: dict[str, Any] = {
    "question": "How volatile?",
    "verdict": "met",
    "trained_date": "2026-01-01",
    "training_samples": 9,
    "universe": "sample",
    "feature_set": "set",
    "data_hash": "0123456789abcdef" * 4,
    "window": {"first": "2014-01-02", "last": "2017-12-29"},
    "promises": [{"text": "Better", "verdict": "met", "reason": "1 against 2"}],
    "canaries": {
        "rows": 1000,
        "planted signal": {"verdict": "not applicable", "reason": "the fit does not look at labels"},
        "shuffled labels": {"verdict": "at the baseline", "share_of_loss_saved": {}},
    },
}


@pytest.fixture
def page() -> str:
    # Errors of .01 a day: a squared error of 1e-4, of which 1.99 % are 1 % of the RMSE.
    gains = [Gain(1.99e-6, -1e-6, 3.96e-6, 1e-4), Gain(0.0, 0.0, 0.0, 0.0), Gain(-2.1e-6, -1e-4, 0.0, 1e-4)]
    evidence = Evidence("tomorrow", "rmse", 800, 400, "naive", "model", gains[0], "tough", gains[1], "model", gains[2])
    return render(Decision("volatility_garch", "2", "1", Outcome.REFUSE, "worse", [evidence]), CARD, None)


def test_gains_stand_in_percent_of_what_promises_are_about(page: str) -> None:
    assert "| **+1.0%** [-0.5%, +2.0%]; +1.99e-06 [-1e-06, +3.96e-06] (naive) |" in page
    assert "| +0 [+0, +0] (tough) |" in page, "nothing is a share of a loss of 0"
    assert "| **-1.0%** [-41.4%, +0.0%]; -2.1e-06 [-0.0001, +0] (model) |" in page
    assert "how much of the other line's RMSE is saved, then the loss saved a day" in page


def test_a_promise_reads_as_one(page: str) -> None:
    assert "- **met**: promised: Better; found: 1 against 2\n" in page


def test_canaries_that_do_not_apply_say_why_and_hashes_are_short(page: str) -> None:
    assert "- planted signal: not applicable: the fit does not look at labels\n- shuffled labels: at the baseline\n" in page
    assert "| data_hash | 0123456789ab | – |" in page
