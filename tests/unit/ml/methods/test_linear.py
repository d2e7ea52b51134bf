import numpy as np
import pytest

from ml.methods.linear import fit_linear, weighted_sum
from ml.methods.logistic import fit_plain_logistic

DRAW = np.random.default_rng(1)


@pytest.mark.parametrize("columns", [2, 3, 8, 18])
def test_a_row_is_stated_alike_whatever_rows_stand_beside_it(columns: int) -> None:
    values = DRAW.normal(size=(300, columns))
    linear = fit_linear(values, values.sum(axis=1) + DRAW.normal(size=300), [f"c{place}" for place in range(columns)], penalty=1.0, lags=2)
    logistic = fit_plain_logistic(values, (values[:, 0] > 0).astype(float))
    for state in (linear, logistic.logits):
        whole = state(values)
        for count in range(1, 300):
            np.testing.assert_array_equal(state(values[:count].copy()), whole[:count])
            np.testing.assert_array_equal(state(values[count:].copy()), whole[count:])


def test_the_sum_is_that_of_a_product() -> None:
    values, weights = DRAW.normal(size=(50, 7)), DRAW.normal(size=7)
    np.testing.assert_allclose(weighted_sum(values, weights.tolist()), values @ weights)
