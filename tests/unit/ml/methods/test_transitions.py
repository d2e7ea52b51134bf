import numpy as np
import pandas as pd
import pytest

from ml.methods.transitions import as_columns, by_group, cautious_markov, certain, majority, markov, persistence

NOW = np.array([0, 0, 0, 1, 1, 3])
LATER = np.array([0, 0, 1, 1, 1, 3])
CURRENT = np.array([0.0, 1.0, 2.0, np.nan])


@pytest.mark.parametrize("table", [majority(LATER, 4), persistence(NOW, LATER, 4), markov(NOW, LATER, 4), cautious_markov(NOW, LATER, 4)])
def test_every_row_is_a_distribution_without_zeros(table: object) -> None:
    stated = table.probabilities(CURRENT)
    np.testing.assert_allclose(stated.sum(axis=1), 1.0, rtol=1e-12)
    assert (stated > 0).all()
    np.testing.assert_allclose(stated[3], np.array([3, 4, 1, 2]) / 10)  # unknown today: the shares, one imagined row a class


def test_markov_counts() -> None:
    stated = markov(NOW, LATER, 4).probabilities(CURRENT)
    np.testing.assert_allclose(stated[0], np.array([3, 2, 1, 1]) / 7)
    np.testing.assert_allclose(stated[2], [0.25] * 4)


def test_persistence_states_today_even_where_it_never_stayed() -> None:
    stay = 6 / 8
    assert persistence(NOW, LATER, 4).probabilities(CURRENT)[0] == pytest.approx([stay] + [(1 - stay) / 3] * 3)
    moving = persistence(np.array([0, 1, 2, 3] * 20), np.array([1, 2, 3, 0] * 20), 4).probabilities(CURRENT)
    assert moving[:3].argmax(axis=1).tolist() == [0, 1, 2]


def test_cautious_markov_expects_an_unseen_class_to_stay() -> None:
    assert cautious_markov(NOW, LATER, 4).probabilities(CURRENT)[2].argmax() == 2
    many = np.tile([0, 1], 5000)
    seen = cautious_markov(many, 1 - many, 4).probabilities(CURRENT)
    assert seen[0].argmax() == 1
    assert seen[0, 1] > 0.99


def test_columns() -> None:
    frame = as_columns("rule", certain(CURRENT, 4, 96), pd.RangeIndex(4))
    assert list(frame.columns) == ["rule", "rule p0", "rule p1", "rule p2", "rule p3"]
    assert frame["rule"].tolist()[:3] == [0, 1, 2]
    assert frame.iloc[3].isna().all()
    assert frame.loc[0, "rule p1"] == pytest.approx(0.01)
    assert list(as_columns("model", certain(CURRENT[:2], 4, 1), pd.RangeIndex(2)).columns)[1] == "p0"


def test_groups_have_shares_of_their_own_and_unknown_ones_those_of_all() -> None:
    later = np.array([0, 0, 0, 1, 1, 1], dtype=float)
    found = by_group(np.array([0, 0, 0, 1, 1, 1.0]), later, 2, 2)
    np.testing.assert_allclose(found.probabilities(np.array([0.0, 1.0, np.nan])), [[0.8, 0.2], [0.2, 0.8], [0.5, 0.5]])
