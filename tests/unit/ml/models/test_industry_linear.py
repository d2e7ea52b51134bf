"""The forecast from peers: a planted relation is found with its coefficient, noise is not, and a leak is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from include.errors import ConfigurationError, ModelError
from include.lake import Lake
from include.universes import Instrument, Kind, Universe, load_universe
from ml.dataset import Dataset, Source
from ml.models.industry_judge import NEXT, SAME, judge_industry
from ml.models.industry_linear import IndustryLinear, peers_of
from ml.validation.walk_forward import walk_forward
from tests.model_lake import real_bars, write_lake

SPLIT = pd.Timestamp("2016-01-04", tz="UTC")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    bars = [real_bars(symbol, "2012-01-01", "2018-01-01") for symbol in ("^GSPC", "^IXIC")]
    return Source(write_lake(Lake(str(tmp_path_factory.mktemp("lake"))), bars), load_universe("sample"))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """^GSPC does each day what ^IXIC did the day before."""
    leader, follower = (real_bars(symbol, "2010-01-01", "2018-01-01") for symbol in ("^IXIC", "^GSPC"))
    follower["close"] = leader["close"].shift(1).bfill().to_numpy()
    return Source(write_lake(Lake(str(tmp_path_factory.mktemp("planted"))), [leader, follower]), load_universe("sample"))


def columns_of(data: Dataset, model: IndustryLinear) -> dict[str, tuple[float, float]]:
    """Least-squares coefficient and HAC error by column of ^GSPC's forecast."""
    fit = model.fit(data, seed=1).fits["^GSPC"][NEXT]
    return dict(zip(fit.columns, zip(fit.least_squares, fit.hac_errors, strict=True), strict=True))


def test_a_planted_relation_is_found_with_its_coefficient(planted: Source) -> None:
    model = IndustryLinear({"^GSPC": ("^IXIC",)}, horizon=1)
    data = model.prepare(planted)
    found = columns_of(data, model)
    assert found["^IXIC return_1"][0] == pytest.approx(1.0, abs=1e-3)
    others = [abs(value) for name, (value, _) in found.items() if name != "^IXIC return_1"]
    assert max(others) < 1e-3
    with pytest.raises(ModelError, match="more than knowledge of the past can give"):
        model.judge(walk_forward(model, data, seed=1))


def test_one_lucky_target_of_many_is_no_leak() -> None:
    """R² of .015 on 1,600 days has a statistic of about 2.4: too much for the only target, and expected of the best of 25."""
    draw = np.random.default_rng(3)
    days = pd.date_range("2012-01-02", periods=1600, freq="B", tz="UTC") + pd.Timedelta(hours=21)

    def target(name: str, share: float) -> pd.DataFrame:
        stated, noise = draw.normal(0, 0.01, (2, days.size))
        noise -= stated * (noise @ stated) / (stated @ stated)  # so that R² is just the share
        stated *= share**0.5
        actual = stated + noise
        rows = {"label": NEXT, "group": name, "symbol": name, "closed_at": days, "actual": actual, "model": stated}
        return pd.DataFrame(rows | {"training mean": 0.0, "zero": 0.0, "lower": stated - 0.0165, "upper": stated + 0.0165})

    lucky = target("AAPL", 0.015)
    with pytest.raises(ModelError, match="more than knowledge of the past can give"):
        judge_industry(lucky, 1)
    others = [target(f"S{number}", 0.0) for number in range(24)]
    same = lucky.assign(label=SAME, group="AAPL the same days")
    judge_industry(pd.concat([lucky, *others, same], ignore_index=True), 1)
    with pytest.raises(ModelError, match="more than knowledge of the past can give"):
        judge_industry(pd.concat([target("MSFT", 0.06), *others, same], ignore_index=True), 1)


def test_what_a_constant_keeps_too_is_trivially_met() -> None:
    """Returns fall on average: a training mean that says so beats "always up", and zero beats a mean that is far too high."""
    draw = np.random.default_rng(2)
    actual = draw.normal(-0.004, 0.01, 500)
    days = pd.date_range("2014-03-03", periods=500, tz="UTC")
    same = {"label": SAME, "group": "A the same days", "symbol": "A", "closed_at": days, "actual": actual, "model": actual, "zero": 0.0}

    def promises(mean: float) -> list[dict[str, str]]:
        stated = actual + draw.normal(0, 0.03, 500)
        rows = same | {"label": NEXT, "group": "A", "model": 0.02 * stated, "training mean": mean, "lower": -0.03, "upper": 0.03}
        return judge_industry(pd.concat([pd.DataFrame(rows), pd.DataFrame(same | {"training mean": mean})], ignore_index=True), 1).promises

    forecast, sign, intervals = promises(-0.004)
    assert sign["verdict"] == "trivially met"
    assert "of the sign of the training mean" in sign["reason"]
    assert intervals["verdict"] == "not met"
    assert intervals["reason"].endswith("the intervals are too wide")
    forecast, sign, _ = promises(0.02)
    assert sign["verdict"] == "met"
    assert forecast["verdict"] == "trivially met"
    assert "always saying 0 has R2 +0." in forecast["reason"]


def test_real_returns_hold_no_edge_and_much_co_movement(source: Source) -> None:
    model = IndustryLinear()
    judgement = model.judge(walk_forward(model, model.prepare(source), seed=1))
    ahead, same = (next(g for g in judgement.groups if g["symbol"] == "^GSPC" and g["horizon"] == label) for label in (NEXT, SAME))
    assert -0.1 < ahead["comparison"][0]["metrics"]["r2"] < 0.02
    assert ahead["comparison"][0]["metrics"]["diebold_mariano"] < 1.96
    assert same["comparison"][0]["metrics"]["r2"] > 0.6
    assert judgement.promises[0]["verdict"] == "not met"
    assert "no edge found" in judgement.promises[0]["reason"]


def test_the_label_is_the_log_return_over_the_horizon(source: Source) -> None:
    model = IndustryLinear(horizon=3)
    data = model.prepare(source)
    closes = source.closes("^GSPC")
    log = np.log(closes["close"]).set_axis(closes["timestamp"])
    mine = data.rows["symbol"] == "^GSPC"
    stamps = data.rows.loc[mine, "timestamp"]
    expected = (log.shift(-3) - log).reindex(stamps)
    np.testing.assert_allclose(data.labels[NEXT].loc[mine, "value"], expected, rtol=1e-4, atol=1e-6)
    known = closes.set_index("timestamp")["closed_at"].shift(-3).reindex(stamps)
    assert data.labels[NEXT].loc[mine, "known_at"].tolist() == known.tolist()


def test_errors_of_overlapping_returns_are_wider_than_the_naive_ones(source: Source) -> None:
    """Independent series, returns over five days: least squares sees something far too often, with HAC errors it seldom does."""
    rng, seen = np.random.default_rng(3), {"hac": 0, "naive": 0}
    for _ in range(60):
        x, y = (np.convolve(rng.normal(size=604), np.ones(5), "valid")[:, None] for _ in range(2))
        from ml.methods.linear import fit_linear

        hac, naive = (fit_linear(x, y[:, 0], ["x"], penalty=0, lags=lags) for lags in (8, 0))
        for name, fit in (("hac", hac), ("naive", naive)):
            seen[name] += abs(fit.least_squares[0] / fit.hac_errors[0]) > 1.96
    assert seen["naive"] / 60 > 0.15
    assert seen["hac"] < seen["naive"] / 2


def test_without_a_penalty_it_is_least_squares() -> None:
    from ml.methods.linear import fit_linear

    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 2)) * [1.0, 50.0]
    y = 0.3 + x @ [2.0, -0.1] + rng.normal(size=300)
    fit = fit_linear(x, y, ["a", "b"], penalty=0.0, lags=0)
    expected = np.linalg.lstsq(np.column_stack([np.ones(300), x]), y, rcond=None)[0]
    np.testing.assert_allclose([fit.intercept, *fit.coefficients], expected)
    np.testing.assert_allclose(fit.least_squares, expected[1:])
    shrunk = fit_linear(x, y, ["a", "b"], penalty=3.0, lags=0)
    assert abs(np.array(shrunk.coefficients) / expected[1:] - 0.25).max() < 0.05


def test_peers_share_sector_and_calendar() -> None:
    peers = peers_of(load_universe("global26"))
    assert peers["JPM"] == ("BAC", "GS", "V")
    assert set(peers["^GSPC"]) == {"^IXIC", "^DJI"}
    assert "^VIX" not in peers
    alone = Universe(
        name="one", description="", instruments=(Instrument(symbol="A", name="A", kind=Kind.STOCK, calendar="XNYS", trades_volume=True),)
    )
    with pytest.raises(ConfigurationError, match="needs peers"):
        peers_of(alone)


def test_a_target_without_bars_is_named(source: Source) -> None:
    data = IndustryLinear({"^GSPC": ("^IXIC",), "^IXIC": ("NOPE",)}).prepare(source)
    assert data.left_out == {"^IXIC": "there are no features of NOPE"}
    with pytest.raises(
        ModelError, match="Insufficient data for training industry_linear: ^IXIC: there are no features of NOPE".replace("^", r"\^")
    ):
        IndustryLinear({"^IXIC": ("NOPE",)}).prepare(source)


def test_a_day_on_which_a_peer_is_missing_is_no_row(source: Source) -> None:
    model = IndustryLinear({"^GSPC": ("^IXIC",)})
    data = model.prepare(source)
    assert data.rows[data.features].notna().all(axis=None)
    assert data.rows["timestamp"].min() > pd.Timestamp("2012-01-28", tz="UTC")  # 20 returns of warm-up


def test_what_is_fitted_on_the_past_says_the_same_whatever_follows(source: Source) -> None:
    model = IndustryLinear({"^GSPC": ("^IXIC",)})
    whole, shorter = model.prepare(source), model.prepare(replace(source, end=SPLIT.to_pydatetime()))
    assert model.fit(whole.known_by(SPLIT), seed=1).files() == model.fit(shorter.known_by(SPLIT), seed=1).files()
