"""What holds for every feature of the registry, whoever adds one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest

from spark_jobs import feature_page
from spark_jobs.features.bars import COLUMNS, SymbolBars, earlier
from spark_jobs.features.catalog import FEATURES, make_feature_set
from spark_jobs.features.registry import REGISTRY, Category, Feature, declare
from spark_jobs.identity import feature_set_id
from tests.unit.spark_jobs.made_bars import Columns, cut, flat, ordinary, symbol_bars

SIZE = 700
BARS = ordinary(SIZE)
#: How the unit's number changes when prices are multiplied by 2 and volumes by 1/2, as a split does.
SCALES = {"price": 2.0, "volume": 0.5, "price squared / volume": 8.0}

INPUTS = [(feature, column) for feature in FEATURES for column in feature.facts.inputs]

every_feature = pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)


def value(feature: Feature, columns: Columns) -> npt.NDArray[np.float64]:
    return feature.values(symbol_bars(columns))


def noise_after(columns: Columns, last: int, seed: int) -> Columns:
    """The bars up to ``last``, then bars of another world, out of order."""
    draw = np.random.default_rng(seed)
    tail = draw.permutation(np.arange(last + 1, SIZE))
    return {
        name: np.concatenate([values[: last + 1], values[tail] * np.exp(draw.normal(0, 2, tail.size))]) for name, values in columns.items()
    }


def check_causal(feature: Feature) -> None:
    """The value at a bar is the same, to the bit, whatever comes after it."""
    whole = value(feature, BARS)
    for last in (0, 1, 33, 254, 300, 417, 555, SIZE - 2):
        head = whole[: last + 1].tobytes()
        assert value(feature, cut(BARS, 0, last + 1)).tobytes() == head, f"cut after bar {last}"
        assert value(feature, noise_after(BARS, last, last))[: last + 1].tobytes() == head, f"noise after bar {last}"


@every_feature
def test_no_feature_sees_the_future(feature: Feature) -> None:
    check_causal(feature)


def _of_tomorrow(bars: SymbolBars, window: int) -> npt.NDArray[np.float64]:
    """Return of the next bar."""
    return np.append(bars.simple_return[1:], np.nan)


def _centred(bars: SymbolBars, window: int) -> npt.NDArray[np.float64]:
    """Mean of the bars around."""
    return np.convolve(bars.close, np.ones(window) / window, mode="same")


def _of_all(bars: SymbolBars, window: int) -> npt.NDArray[np.float64]:
    """Distance from the mean of the whole sample."""
    return bars.close - bars.close.mean()


def _backwards(bars: SymbolBars, window: int) -> npt.NDArray[np.float64]:
    """A late bar decides on the sign of all."""
    return bars.close * np.sign(bars.close[-1] - 40.0)


@pytest.mark.parametrize("formula", [_of_tomorrow, _centred, _of_all, _backwards])
def test_a_leak_is_found(formula, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.features.registry.REGISTRY", {})
    declare(Category.TREND, "leak", (5,), inputs=("close",), unit="price", source="test")(formula)
    from spark_jobs.features import registry

    with pytest.raises(AssertionError, match="bar"):
        check_causal(registry.REGISTRY["leak"])


@every_feature
def test_the_declared_warm_up_is_null_and_no_more(feature: Feature) -> None:
    known = np.isfinite(value(feature, BARS))
    assert not known[: feature.facts.warm_up].any()
    assert known[feature.facts.warm_up :].all()


@every_feature
def test_the_declared_window_is_enough(feature: Feature) -> None:
    """A windowed feature needs its last ``warm_up + 1`` bars, which give the same bits as all; a recursive one really needs more."""
    length = feature.facts.warm_up + 1
    scale = max(1.0, float(np.nanmax(np.abs(value(feature, BARS)))))
    if feature.facts.recursive:
        longer = np.array([value(feature, BARS)[end] for end in range(600, 690)])
        shorter = np.array([value(feature, cut(BARS, end + 1 - length, end + 1))[-1] for end in range(600, 690)])
        assert np.abs(longer - shorter).max() > 1e-9 * scale
    else:
        whole = value(feature, BARS)
        for last in (300, 517, 650):
            for wanted in (1, 22):
                tail = value(feature, cut(BARS, last + 2 - length - wanted, last + 1))[-wanted:]
                assert tail.tobytes() == whole[last + 1 - wanted : last + 1].tobytes(), f"{wanted} bars up to {last}"


@every_feature
def test_inputs_are_what_is_declared(feature: Feature) -> None:
    whole = value(feature, BARS)
    for column in COLUMNS:
        without = value(feature, BARS | {column: np.full(SIZE, np.nan)})
        other = value(feature, BARS | {column: np.random.default_rng(9).uniform(1, 2, SIZE)})
        if column in feature.facts.inputs:
            assert not np.isfinite(without).any(), column
            assert other.tobytes() != whole.tobytes(), column
        else:
            assert without.tobytes() == whole.tobytes() == other.tobytes(), column


@pytest.mark.parametrize(("feature", "column"), INPUTS, ids=[f"{feature.name}-{column}" for feature, column in INPUTS])
@pytest.mark.parametrize("hole", [270, 301])
def test_a_null_stays_in_its_window(feature: Feature, column: str, hole: int) -> None:
    """A missing number makes null what is made of it, and nothing else; a recursive feature starts again after it."""
    holed = BARS | {column: BARS[column].copy()}
    holed[column][hole] = np.nan
    whole, result = value(feature, BARS), value(feature, holed)
    assert result[:hole].tobytes() == whole[:hole].tobytes()
    end = hole + feature.facts.warm_up + 1
    touched = slice(hole, end)
    assert np.isnan(result[touched]).any()
    assert np.isfinite(result[end:]).all()
    if not feature.facts.recursive:
        same = np.isfinite(result)
        np.testing.assert_allclose(result[same], whole[same], rtol=1e-9, atol=1e-11 * np.nanmax(np.abs(whole)))


@every_feature
def test_after_a_missing_bar_a_feature_starts_as_if_it_were_the_first(feature: Feature) -> None:
    hole = 280
    holed = {name: values.copy() for name, values in BARS.items()}
    for values in holed.values():
        values[hole] = np.nan
    result, again = value(feature, holed)[hole:], value(feature, cut(BARS, hole + 1))
    if feature.facts.recursive:
        assert np.isnan(result[0])
        np.testing.assert_allclose(result[1:], again, rtol=1e-10, atol=1e-10 * np.nanmax(np.abs(again)))
    else:
        np.testing.assert_allclose(result[1 + feature.facts.warm_up :], again[feature.facts.warm_up :], rtol=1e-9, atol=1e-9)


@every_feature
def test_only_units_of_price_and_volume_feel_a_split(feature: Feature) -> None:
    split = {name: values * (0.5 if name == "volume" else 2.0) for name, values in BARS.items()}
    factor = SCALES.get(feature.facts.unit, 1.0)
    np.testing.assert_allclose(value(feature, split), value(feature, BARS) * factor, rtol=1e-12, atol=1e-13)


def _awkward() -> dict[str, Columns]:
    missing = {name: np.full(300, np.nan) for name in COLUMNS}
    holes = ordinary(400, 5)
    for number, values in enumerate(holes.values()):
        values[np.random.default_rng(number).random(400) < 0.05] = np.nan
    close_only = ordinary(400, 6) | {name: np.full(400, np.nan) for name in ("open", "high", "low", "volume")}
    jump = ordinary(600, 7)
    jump["close"][300] = jump["high"][300] = 1e12
    infinite = ordinary(400, 10)
    infinite["high"][200] = infinite["volume"][100] = np.inf
    return {
        "no bar": cut(BARS, 0, 0),
        "one bar": cut(BARS, 0, 1),
        "two bars": cut(BARS, 0, 2),
        "constant, nothing traded": flat(400),
        "constant, traded": flat(400, 0.1, 1000.0),
        "nothing traded": BARS | {"volume": np.zeros(SIZE)},
        "nothing known": missing,
        "random holes": holes,
        "closes only": close_only,
        "huge": {name: values * 1e12 for name, values in ordinary(400, 8).items()},
        "tiny": {name: values * 1e-9 for name, values in ordinary(400, 9).items()},
        "one huge bar": jump,
        "infinities": infinite,
        "zero prices": flat(400, 0.0, 10.0),
        "a flat year within": {name: np.concatenate([v[:300], np.full(252, v[299]), v[300:]]) for name, v in BARS.items()},
    }


@pytest.mark.parametrize("name", _awkward())
def test_awkward_bars_give_numbers_or_nulls(name: str) -> None:
    from spark_jobs.features.storing import store

    columns = _awkward()[name]
    bars, size = symbol_bars(columns), columns["close"].size
    for feature in FEATURES:
        stored = np.full(size, 7.0, np.float32)
        store(feature.values(bars), np.array([[0, size, 0]]), stored)
        assert not np.isinf(stored).any(), feature.name
        if feature.facts.inputs != ("volume",) and name == "nothing known":
            assert np.isnan(stored).all(), feature.name
        if (
            feature.facts.unit == "percent"
            and feature.name != "ppo_12_26"
            and not feature.name.startswith(("roc", "trix", "natr", "ulcer", "tsi"))
        ):
            assert np.nanmin(stored, initial=0) >= -100.001, feature.name
            assert np.nanmax(stored, initial=0) <= 100.001, feature.name


def test_a_huge_bar_leaves_no_trace_behind_its_window() -> None:
    columns = _awkward()["one huge bar"]
    clean = ordinary(600, 7)
    for feature in FEATURES:
        if not feature.facts.recursive:
            after = 301 + feature.facts.warm_up
            with_bar, without = value(feature, columns)[after:], value(feature, clean)[after:]
            np.testing.assert_allclose(with_bar, without, rtol=1e-9, atol=1e-12, err_msg=feature.name)


def test_the_families_are_complete() -> None:
    counts = Counter(feature.facts.category for feature in FEATURES)
    needed = {"trend": 15, "momentum": 15, "volatility": 10, "volume": 10, "pattern": 10, "statistical": 15, "breadth": 1}
    assert not {name: counts[name] for name, count in needed.items() if counts[name] < count}


def test_every_declaration_says_what_it_is() -> None:
    assert {feature.name for feature in FEATURES} == set(REGISTRY)
    assert make_feature_set(feature_set_id()).names == [feature.name for feature in FEATURES]
    for feature in FEATURES:
        facts = feature.facts
        assert all((facts.unit, facts.source, facts.description.endswith("."))), facts
        assert facts.name.isascii()
        assert facts.name == facts.name.lower()
        assert "{" not in facts.name + facts.description
        assert 0 <= facts.warm_up < 300
        assert facts.needs_volume == ("volume" in facts.inputs)


def test_a_name_is_declared_once() -> None:
    with pytest.raises(ValueError, match="return_1 is declared twice"):
        declare(Category.TREND, "return_1", (1,), inputs=("close",), unit="price", source="test")(_of_all)


@pytest.mark.parametrize(("inputs", "formula"), [(("candle",), _of_all), (("close",), lambda bars, window: earlier(bars.close, window))])
def test_a_declaration_names_known_inputs_and_has_a_docstring(inputs, formula) -> None:
    with pytest.raises(ValueError, match="needs a docstring, and inputs among open, high"):
        declare(Category.TREND, "unheard_of", (1,), inputs=inputs, unit="price", source="test")(formula)
    assert "unheard_of" not in REGISTRY


def test_the_page_of_features_is_current() -> None:
    assert feature_page.PAGE.read_text(encoding="utf-8") == feature_page.render(), "run python -m spark_jobs.feature_page"
