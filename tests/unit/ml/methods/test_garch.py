import arch.data.sp500
import numpy as np
import pytest
from arch import arch_model

from ml.methods.garch import Variance, ewma, fit_best, fit_garch, state_after

RETURNS = arch.data.sp500.load()["Close"].pct_change().dropna().to_numpy()


@pytest.fixture(scope="module")
def theirs() -> object:
    return arch_model(100 * RETURNS, p=1, o=1, q=1, dist="t", rescale=False).fit(disp="off")


def test_garch_anchor() -> None:
    """S&P 500 1999 to 2018, constant mean, normal: values published with the project's facts."""
    fitted = fit_garch(RETURNS, asymmetric=False)
    assert fitted is not None
    found = (fitted.mean, fitted.omega, fitted.alpha, fitted.beta)
    assert found == pytest.approx((0.056353, 0.017507, 0.102150, 0.885206), abs=2e-6)
    assert fitted.log_likelihood == pytest.approx(-6936.718, abs=1e-3)


def test_parameters_are_those_of_arch(theirs: object) -> None:
    fitted = fit_garch(RETURNS, asymmetric=True)
    assert fitted is not None
    ours = [fitted.mean, fitted.omega, fitted.alpha, fitted.gamma, fitted.beta, fitted.degrees]
    assert ours == theirs.params.tolist()
    assert fitted.log_likelihood == pytest.approx(-6744.431, abs=1e-3)
    assert fitted.degrees == pytest.approx(7.69, abs=0.01)
    assert fit_garch(RETURNS, asymmetric=True) == fitted


def test_recursion_and_forecasts_are_those_of_arch(theirs: object) -> None:
    fitted = fit_garch(RETURNS, asymmetric=True)
    assert fitted is not None
    following = fitted.next_variances(RETURNS)
    np.testing.assert_allclose(following[:-1], theirs.conditional_volatility[1:] ** 2, rtol=1e-12)
    forecast = theirs.forecast(horizon=20).variance.to_numpy()[-1]
    assert following[-1] == pytest.approx(forecast[0], rel=1e-12)
    assert fitted.mean_variance(following[-1:], 20)[0] == pytest.approx(forecast.mean(), rel=1e-12)


def test_recursion_goes_on_from_a_state() -> None:
    fitted = fit_best(RETURNS[:2000])
    whole = fitted.next_variances(RETURNS)
    state = state_after(fitted, RETURNS[:2000], "2007-01-01")
    assert (fitted.next_variances(RETURNS[2000:], state.variance) == whole[2000:]).all()
    assert list(state.recent) == RETURNS[1981:2000].tolist()


def test_recursion_is_causal() -> None:
    fitted = fit_best(RETURNS[:1000])
    other = RETURNS.copy()
    other[1500:] = 0.5
    assert (fitted.next_variances(other)[:1500] == fitted.next_variances(RETURNS)[:1500]).all()


def test_a_null_return_leaves_the_expectation() -> None:
    fitted = Variance("gjr-garch-t", 0.0, 0.1, 0.05, 0.1, 0.8, 8.0, 1.0)
    following = fitted.next_variances(np.array([0.01, np.nan]))
    assert following[0] == pytest.approx(0.1 + 0.05 * 1.0 + 0.8 * 1.0)
    assert following[1] == pytest.approx(0.1 + 0.9 * following[0])
    assert state_after(fitted, np.array([0.01, np.nan]), "x").recent == (0.01, None)


def test_ewma_by_hand() -> None:
    returns = RETURNS[:25]
    variance = np.mean((100 * returns[:20]) ** 2)
    for value in returns:
        variance = 0.94 * variance + 0.06 * (100 * value) ** 2
    assert ewma(returns).next_variances(returns)[-1] == pytest.approx(variance, rel=1e-12)
    assert ewma(returns).mean_variance(np.array([2.0]), 20)[0] == pytest.approx(2.0)


def test_a_variance_without_bound_is_not_taken() -> None:
    """Returns that grow without end have no stationary GARCH; the next simpler variance is used."""
    growing = np.random.default_rng(1).normal(size=600) * 1.02 ** np.arange(600) * 1e-4
    assert fit_garch(growing, asymmetric=False) is None
    assert fit_best(growing).kind == "ewma"
