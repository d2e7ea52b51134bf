import numpy as np
import pytest
from scipy import stats

from ml.methods.barrier import touch_logit, touch_probability


def test_equals_the_law_of_the_first_passage() -> None:
    """The time at which a motion without drift first reaches b follows Lévy's distribution of scale (b / s)^2."""
    barrier = np.array([0.01, 0.05, 0.1, 0.2, 0.3, 0.01, 0.02])
    volatility = np.array([0.15, 0.2, 0.35, 0.6, 1.1, 0.9, 0.05])
    sessions = np.array([3, 10, 21, 42, 30, 3, 5])
    expected = stats.levy(scale=(barrier / volatility) ** 2).cdf(sessions / 252)
    np.testing.assert_allclose(touch_probability(barrier, volatility, sessions), np.clip(expected, 0.001, 0.999), rtol=1e-12)


def test_equals_a_simulation() -> None:
    """Brute force: paths of 2 000 steps; seen at steps only, a path reaches a level that lies .5826 of a step's deviation lower
    (Broadie, Glasserman and Kou 1997).
    """
    generator, paths, steps, volatility, days = np.random.default_rng(5), 8000, 2000, 0.3, 21
    step = volatility * np.sqrt(days / 252 / steps)
    highest, place = np.zeros(paths), np.zeros(paths)
    for _ in range(steps):
        place += step * generator.normal(size=paths)
        np.maximum(highest, place, out=highest)
    for barrier in (0.02, 0.08, 0.15):
        stated = touch_probability(np.array(barrier), np.array(volatility), np.array(days))
        assert np.mean(highest >= barrier - 0.5826 * step) == pytest.approx(float(stated), abs=3 * np.sqrt(0.25 / paths))


def test_one_deviation_is_twice_the_tail() -> None:
    # A year and 252 sessions: two tails of the normal law beyond one deviation.
    assert touch_probability(np.array([0.2, -0.2]), np.array([0.2, 0.2]), np.array([252, 252])) == pytest.approx([0.3173105, 0.3173105])


def test_falls_with_distance_and_rises_with_time_and_volatility() -> None:
    grid = np.linspace(0.002, 0.6, 300)
    assert (np.diff(touch_logit(grid, np.full(300, 0.4), np.full(300, 21))) <= 0).all()
    assert (np.diff(touch_logit(np.full(300, 0.1), grid + 0.1, np.full(300, 21))) >= 0).all()
    assert (np.diff(touch_logit(np.full(40, 0.1), np.full(40, 0.3), np.arange(3, 43))) > 0).all()


def test_never_certain_and_null_where_an_input_is() -> None:
    stated = touch_probability(np.array([1e-9, 5.0, 0.1]), np.array([0.5, 0.1, np.nan]), np.array([42, 3, 21]))
    np.testing.assert_allclose(stated, [0.999, 0.001, np.nan])
