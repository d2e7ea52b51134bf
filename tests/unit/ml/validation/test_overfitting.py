"""Cross-validation against a plain loop, by hand, on luck and on skill."""

from itertools import combinations

import numpy as np
import pytest

from include.errors import ModelError
from ml.validation.overfitting import overfitting


def plainly(returns: np.ndarray, blocks: int) -> list[float]:
    """Relative rank of the chosen strategy in the other half, split by split."""
    parts = np.array_split(returns, blocks)
    ranks = []
    for taken in combinations(range(blocks), blocks // 2):
        here = np.concatenate([parts[place] for place in taken])
        there = np.concatenate([parts[place] for place in range(blocks) if place not in taken])
        best = max(range(returns.shape[1]), key=lambda one: here[:, one].mean() / here[:, one].std(ddof=1))
        later = [there[:, one].mean() / there[:, one].std(ddof=1) for one in range(returns.shape[1])]
        ranks.append(sum(value <= later[best] for value in later) / (returns.shape[1] + 1))
    return ranks


def test_it_equals_a_plain_loop() -> None:
    returns = np.random.default_rng(1).normal(0.0005, 0.01, size=(83, 7))
    found, ranks = overfitting(returns, blocks=6), np.array(plainly(returns, 6))
    np.testing.assert_allclose(found.logits, np.log(ranks / (1 - ranks)), rtol=1e-9)
    assert found.probability == pytest.approx(np.mean(ranks <= 0.5))


def test_by_hand() -> None:
    """Two strategies, each good in its own half of time: whatever is chosen fails later where the halves are the blocks."""
    up, down = [0.02, 0.01] * 2, [-0.02, -0.01] * 2
    returns = np.array([up + down, down + up]).T
    found = overfitting(returns, blocks=4)
    # Of six splits, two take a whole half: there the best loses. In the four mixed ones both are equal; the tie is the median.
    assert found.blocks == 4
    assert len(found.logits) == 6
    assert found.probability == 1.0
    assert np.sum(found.logits < 0) == 2


def test_luck_gives_a_half_and_skill_gives_none() -> None:
    chance = np.random.default_rng(2)
    lucky = [overfitting(chance.normal(0, 0.01, size=(256, 20)), blocks=8).probability for _ in range(60)]
    assert 0.4 < np.mean(lucky) < 0.6
    skilled = chance.normal(0, 0.01, size=(256, 20))
    skilled[:, 4] += 0.006
    found = overfitting(skilled)
    assert found.probability < 0.01
    assert found.later > 0.3


def test_strategies_that_do_not_trade_have_no_ratio() -> None:
    returns = np.zeros((64, 3))
    returns[:, 1] = np.random.default_rng(3).normal(0.005, 0.01, 64)
    assert overfitting(returns).probability < 0.2


@pytest.mark.parametrize("shape", [(100, 1), (6, 10)])
def test_too_little_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ModelError, match="cannot be told"):
        overfitting(np.zeros(shape))


def test_fewer_periods_make_fewer_blocks() -> None:
    assert overfitting(np.random.default_rng(4).normal(size=(21, 3))).blocks == 10
