import numpy as np
import pytest
from scipy.special import expit

from ml.methods.calibration import Line, carry_line, fit_cautious_line, fit_line


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


def test_a_cautious_line_never_turns_the_order_around() -> None:
    chance = np.random.default_rng(4)
    logits = chance.normal(size=2000)
    came = (chance.random(2000) < expit(0.5 * logits - 0.3)).astype(float)
    assert fit_cautious_line(logits, came) == fit_line(logits, came)
    share = (came.sum() + 1) / 2002
    constant = Line(0.0, pytest.approx(np.log(share / (1 - share))))
    assert fit_cautious_line(-logits, came) == constant
    assert fit_cautious_line(np.ones(2000), came) == constant
    few = fit_cautious_line(logits[:20], came[:20])
    assert few.slope == 0
    assert fit_cautious_line(logits, np.ones(2000)) == Line(0.0, pytest.approx(np.log(2001)))


def test_what_is_carried_over_does_not_depend_on_how_sure_the_models_are() -> None:
    chance = np.random.default_rng(5)
    learnt, judged, final = chance.normal(size=(3, 2000))
    came = (chance.random(2000) < expit(judged)).astype(float)
    plain = carry_line(learnt, judged, came, final)
    timid, bold = carry_line(learnt / 100, judged / 100, came, final), carry_line(learnt, judged, came, final * 50 + 3)
    np.testing.assert_allclose(timid(final), plain(final))
    np.testing.assert_allclose(bold(final * 50 + 3), plain(final))
    assert carry_line(learnt, judged, came, np.ones(2000)).slope == 0
