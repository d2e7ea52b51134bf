from __future__ import annotations

import numpy as np
import pytest

from ml.drift.windows import Verdict, rank, rolling_sums, worst


def test_a_figure_is_ranked_among_those_before():
    found = rank(0.5, np.array([0.1, 0.5, 0.9, np.nan]))
    assert (found.figure, found.usual, found.share, found.windows) == (0.5, 0.5, pytest.approx(2 / 3), 3)
    assert found.verdict is Verdict.EARLY


@pytest.mark.parametrize(("figure", "verdict"), [(98.5, Verdict.DRIFTED), (97.5, Verdict.STEADY), (200.0, Verdict.DRIFTED)])
def test_only_what_one_in_a_hundred_reached_is_strange(figure, verdict):
    assert rank(figure, np.arange(100.0)).verdict is verdict


def test_nothing_to_compare_with_says_nothing():
    for found in (rank(1.0, np.array([])), rank(float("nan"), np.arange(100.0))):
        assert (found.verdict, found.windows) == (Verdict.EARLY, 0)


def test_rolling_sums_are_those_of_each_window():
    months = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    np.testing.assert_array_equal(rolling_sums(months, 2), [[3.0, 30.0], [5.0, 50.0]])
    assert len(rolling_sums(months, 4)) == 0


def test_one_drift_is_enough():
    assert worst([Verdict.EARLY, Verdict.STEADY, Verdict.DRIFTED]) is Verdict.DRIFTED
    assert worst([Verdict.EARLY, Verdict.STEADY]) is Verdict.STEADY
    assert worst([]) is Verdict.EARLY
