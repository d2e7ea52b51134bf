"""Costs by universe, changed by a form."""

from __future__ import annotations

import pytest

from include.costs import costs_of
from include.errors import ConfigurationError


def test_a_universe_has_its_own_and_others_the_default():
    assert costs_of("crypto").fee == 0.001
    assert costs_of("sample") == costs_of("core5")
    assert costs_of("sample").fee < costs_of("crypto").fee


def test_a_form_changes_some():
    changed = costs_of("crypto", {"fee": 0.01, "slippage": 0})
    assert (changed.fee, changed.slippage, changed.half_spread) == (0.01, 0, costs_of("crypto").half_spread)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"fees": 0.1}, r"costs: fees: is not a known key \(allowed: fee, half_spread, slippage, volatility_share\)"),
        ({"fee": 5}, "costs: fee: Input should be less than 0.5, got 5"),
        ({"fee": -0.1}, "costs: fee: Input should be greater than or equal to 0"),
        ({"fee": "much"}, "costs: fee: Input should be a valid number"),
    ],
)
def test_a_wrong_change_is_named(changes, fault):
    with pytest.raises(ConfigurationError, match=fault):
        costs_of("crypto", changes)
