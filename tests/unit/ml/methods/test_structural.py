import numpy as np
import pytest
from scipy import stats

from ml.methods.structural import next_deviation

KNOWN = np.random.default_rng(3).normal(0, 0.01, (4, 19))
VARIANCES = np.array([1e-4, 4e-4, 1e-5, 2e-3])


@pytest.mark.parametrize("degrees", [None, 6.0])
def test_expected_deviation_by_brute_force(degrees: float | None) -> None:
    """The mean of np.std over many drawn twentieth returns."""
    generator = np.random.default_rng(5)
    draws = (
        generator.normal(size=200_000)
        if degrees is None
        else stats.t.rvs(degrees, size=200_000, random_state=5) * np.sqrt((degrees - 2) / degrees)
    )
    stated, lower, upper = next_deviation(KNOWN, 0.0005, VARIANCES, degrees)
    for row in range(4):
        following = 0.0005 + np.sqrt(VARIANCES[row]) * draws
        window = np.column_stack([np.tile(KNOWN[row], (len(draws), 1)), following])
        outcomes = window.std(axis=1, ddof=1)
        assert stated[row] == pytest.approx(outcomes.mean(), rel=3e-3)
        assert lower[row] == pytest.approx(np.quantile(outcomes, 0.05), rel=1e-2)
        assert upper[row] == pytest.approx(np.quantile(outcomes, 0.95), rel=2e-2)


def test_expected_square_is_the_closed_form() -> None:
    """E[sd^2] = (S2 + h + m^2 - ((S1 + m)^2 + h) / 20) / 19, which no E[sd] exceeds."""
    mean = 0.001
    first, second = KNOWN.sum(axis=1), (KNOWN**2).sum(axis=1)
    square = (second + VARIANCES + mean**2 - ((first + mean) ** 2 + VARIANCES) / 20) / 19
    stated, _, _ = next_deviation(KNOWN, mean, VARIANCES, None)
    assert (stated <= np.sqrt(square)).all()
    np.testing.assert_allclose(stated, np.sqrt(square), rtol=0.15)


def test_a_certain_return_gives_its_deviation() -> None:
    stated, lower, upper = next_deviation(KNOWN[:1], 0.02, np.array([0.0]), None)
    exact = np.std(np.append(KNOWN[0], 0.02), ddof=1)
    assert [stated[0], lower[0], upper[0]] == pytest.approx([exact] * 3, rel=1e-12)


def test_a_null_among_the_known_gives_a_null() -> None:
    broken = KNOWN[:1].copy()
    broken[0, 4] = np.nan
    assert np.isnan(next_deviation(broken, 0.0, VARIANCES[:1], 6.0)[0]).all()
