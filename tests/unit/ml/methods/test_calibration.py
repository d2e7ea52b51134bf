import numpy as np
import pytest
from scipy.special import expit

from ml.methods.calibration import Line, fit_line


def test_finds_what_was_distorted() -> None:
    generator = np.random.default_rng(1)
    honest = generator.normal(-1, 1.5, 40_000)
    came = (generator.random(40_000) < expit(honest)).astype(float)
    line = fit_line((honest + 0.5) / 0.8, came)
    assert line.slope == pytest.approx(0.8, abs=0.03)
    assert line.intercept == pytest.approx(-0.5, abs=0.05)
    np.testing.assert_allclose(line(np.array([0.0, 1.0])), [line.intercept, line.intercept + line.slope])


def test_is_the_maximum_of_the_likelihood() -> None:
    logits, came = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 0.5]), np.array([0, 1, 0, 1, 1, 0])

    def loss(line: Line) -> float:
        stated = expit(line(logits))
        return -np.log(np.where(came == 1, stated, 1 - stated)).sum()

    best = fit_line(logits, came)
    for slope, intercept in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)):
        assert loss(best) < loss(Line(best.slope + slope, best.intercept + intercept))
