from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from include.calendars import DECISION_DELAY
from include.errors import ConfigurationError, ModelError
from include.lake import Lake
from include.universes import load_universe
from ml.dataset import Dataset, Source
from ml.methods.barrier import touch_logit, touch_probability
from ml.models.touch_judge import ALL, judge_touches
from ml.models.touch_xgboost import TouchXgboost
from ml.validation.splits import expanding_folds
from ml.validation.walk_forward import walk_forward
from tests.model_lake import real_bars, shared_bars, write_lake

MODEL = TouchXgboost()


@pytest.fixture(scope="module")
def data(source: Source) -> Dataset:
    return MODEL.prepare(source)


@pytest.fixture(scope="module")
def predictions(data: Dataset) -> pd.DataFrame:
    return walk_forward(MODEL, data, seed=7)


def figures(predictions: pd.DataFrame, name: str = ALL) -> dict[str, dict[str, float]]:
    group = next(group for group in judge_touches(predictions).groups if group["name"] == name)
    return {line["name"]: line["metrics"] for line in group["comparison"]}


def test_the_universe_decides_which_symbols_take_part(data: Dataset, source: Source) -> None:
    assert data.symbols == ["^GSPC", "^IXIC"]
    assert data.left_out == {"AAPL": "of sessions on which an option can be entered, there are no rows"}
    counts = data.rows.groupby("symbol").size()
    assert counts["^IXIC"] == pytest.approx(1.8 * (2516 - 260), rel=0.01)
    # ^VIX, its implied volatility, is there from then on.
    assert data.rows.loc[data.rows["symbol"] == "^GSPC", "timestamp"].min() == pd.Timestamp("2014-01-03", tz="UTC")
    for name, symbols in (("core5", ["SPY", "TSLA", "NVDA", "AMD"]), ("global26", ["NVDA", "^GSPC", "^IXIC", "^DJI"])):
        with pytest.raises(ModelError, match="Insufficient data for training touch_xgboost") as error:
            MODEL.prepare(replace(source, universe=load_universe(name), end=pd.Timestamp("2009-06-01", tz="UTC").to_pydatetime()))
        assert f"training touch_xgboost: {', '.join(symbols)}: of sessions" in str(error.value)


def test_a_universe_without_options_is_refused(source: Source) -> None:
    with pytest.raises(ConfigurationError, match="universe 'crypto' has BTC/USDT"):
        MODEL.prepare(replace(source, universe=load_universe("crypto")))


def test_labels_equal_brute_force_on_real_bars(data: Dataset) -> None:
    bars = real_bars("^IXIC", "2009-01-01", "2019-01-01").set_index("timestamp")
    label = data.labels["touched"]
    mine = data.rows[data.rows["symbol"] == "^IXIC"]
    for place, row in mine.sample(400, random_state=1).iterrows():
        window = bars[(bars.index > row["timestamp"]) & (bars.index <= row["expiry"])]
        close = bars.loc[row["timestamp"], "close"]
        call = window["high"].max() >= close * (1 + row["distance"])
        put = window["low"].min() <= close * (1 - row["distance"])
        if row["expiry"] > bars.index.max():
            assert np.isnan(label.loc[place, "value"])
        else:
            assert label.loc[place, "value"] == (call if row["right"] == "call" else put)
            assert label.loc[place, "known_at"] == window["closed_at"].iloc[-1]
    assert 0.15 < label["value"].mean() < 0.35
    assert label["value"].isna().sum() < 2 * 1.8 * 42


def test_features_are_what_they_say(data: Dataset, source: Source) -> None:
    known = source.features(["^GSPC"], ["volatility_20", "ewma_volatility_20", "return_20"]).set_index("timestamp")
    vix = source.closes("^VIX").set_index("timestamp")["close"]
    row = data.rows[(data.rows["timestamp"] == "2016-05-10") & (data.rows["symbol"] == "^GSPC")].iloc[0]
    historical = known.loc[row["timestamp"], "volatility_20"] * np.sqrt(252)
    assert row["implied_volatility"] == pytest.approx(vix[row["timestamp"]] / 100)
    assert row["historical_volatility"] == pytest.approx(historical, rel=1e-6)
    assert row["momentum"] == known.loc[row["timestamp"], "return_20"]
    assert row["direction"] == (1 if row["right"] == "call" else -1)
    barrier = np.log(1 + row["direction"] * row["distance"])
    assert row["logit_20"] == pytest.approx(touch_logit(barrier, historical, row["days"]), rel=1e-5)
    assert row["logit_implied"] == pytest.approx(touch_logit(barrier, row["implied_volatility"], row["days"]))


def test_implied_volatility_is_the_newest_known_at_the_decision(data: Dataset, source: Source) -> None:
    vix = source.closes("^VIX")
    rows = data.rows[(data.rows["symbol"] == "^GSPC") & (data.rows["origin"] == "sampled")]
    for _, row in rows.sample(200, random_state=4).iterrows():
        known = vix[vix["closed_at"] <= row["closed_at"] + DECISION_DELAY]
        assert row["implied_volatility"] == pytest.approx(known["close"].iloc[-1] / 100)


def test_every_fold_learns_from_options_that_had_expired(data: Dataset) -> None:
    """Purge by expiry: an option entered before the fold and expiring in it is in neither part."""
    labelled = data.rows.loc[data.labels["touched"]["value"].notna(), "closed_at"]
    for fold in expanding_folds(labelled):
        known = data.known_by(fold.start)
        learned = known.rows[known.labels["touched"]["value"].notna()]
        assert (learned["expiry"] < fold.start).all()
        assert (learned["closed_at"] < fold.start).all()
        open_then = (data.rows["closed_at"] < fold.start) & (data.rows["expiry"] >= fold.start)
        assert open_then.any()
        assert len(known.rows) - len(learned) == open_then.sum()


@pytest.mark.parametrize(("column", "grid", "sign"), [("distance", np.linspace(0.002, 0.6, 120), -1), ("days", np.arange(3, 43), 1)])
def test_probabilities_fall_with_distance_and_rise_with_time(data: Dataset, column: str, grid: np.ndarray, sign: int) -> None:
    rows = data.rows.sample(100, random_state=2)
    options = rows.loc[rows.index.repeat(len(grid))].reset_index(drop=True).assign(**{column: np.tile(grid, len(rows))})
    barrier = np.log1p(options["direction"] * options["distance"])
    for logit in ("logit_implied", "logit_20", "logit_60", "logit_ewma", "logit_range"):
        volatility = options["implied_volatility" if logit == "logit_implied" else "historical_volatility"]
        options[logit] = touch_logit(barrier, volatility, options["days"])
    stated = MODEL.fit(data, seed=7).predict(Dataset(options, data.features))["touched"]["model"].to_numpy()
    assert (sign * np.diff(stated.reshape(len(rows), len(grid)), axis=1) >= -1e-7).all()


def test_beside_the_closed_forms_on_the_sample(predictions: pd.DataFrame) -> None:
    judgement = judge_touches(predictions)
    assert [group["name"] for group in judgement.groups] == [ALL, "^GSPC calls", "^GSPC puts", "^IXIC calls", "^IXIC puts"]
    assert sum(group["rows"] for group in judgement.groups[1:]) == judgement.groups[0]["rows"] == len(predictions)
    lines = figures(predictions)
    forms = [values["brier"] for name, values in lines.items() if name.startswith("closed form")]
    assert len(forms) == 6
    assert lines["model"]["brier"] < min(forms) + 0.003
    assert lines["climatology"]["r2"] == 0
    assert 0.25 < lines["model"]["r2"] < 0.5
    assert lines["model"]["calibration_error"] < 0.06
    assert [promise["verdict"] for promise in judgement.promises[2:]] == ["trivially met"]
    assert (predictions["p0"] + predictions["p1"] == 1).all()


def test_what_climatology_or_one_closed_form_keeps_too_is_trivially_met(predictions: pd.DataFrame) -> None:
    rows, forms = predictions.copy(), [name for name in predictions if str(name).startswith("closed form")]
    for place, form in enumerate(forms):
        rows[form] = np.clip(predictions["actual"] * 0.5 + 0.25 + 0.05 + 0.01 * place, 0, 1)
    rows["model"] = np.clip(predictions["actual"] * 0.5 + 0.25 + 0.045, 0, 1)
    brier, years, _ = judge_touches(rows).promises
    assert brier["verdict"] == "met"
    assert years["verdict"] == "trivially met"
    assert f"the worst year of {forms[0]!r} alone has +0.0000" in years["reason"]
    rows["climatology"] = rows["model"]
    assert judge_touches(rows).promises[0]["verdict"] == "trivially met"


def test_a_year_that_is_not_judged_is_named(predictions: pd.DataFrame) -> None:
    last = predictions["timestamp"].dt.year.max()
    few = predictions[(predictions["timestamp"].dt.year < last) | (predictions["timestamp"].dt.year == last).cumsum().between(1, 130)]
    reason = judge_touches(few.reset_index(drop=True)).promises[1]["reason"]
    assert reason.endswith(f"; not judged, for fewer than 200 options: {last} (130)")
    years = predictions["timestamp"].dt.year.nunique()
    assert f"the worst of {years - 1} years; " in reason
    assert "not judged" not in judge_touches(predictions).promises[1]["reason"]


def test_calls_that_lose_what_puts_gain_are_told_apart(predictions: pd.DataFrame) -> None:
    rows, forms = predictions.copy(), [name for name in predictions if str(name).startswith("closed form")]
    for form in forms:
        rows[form] = 0.5
    rows["model"] = np.where(rows["right"] == "put", 0.5 + 0.02 * (rows["actual"] - 0.5), 0.5 - 0.01 * (rows["actual"] - 0.5))
    reason = judge_touches(rows).promises[0]["reason"]
    assert (
        f"; calls alone -0.0050 (-0.0050 to -0.0050) against their strongest, {forms[0]!r}, puts alone +0.0099 (+0.0099 to +0.0099) against"
        in reason
    )


def test_shuffled_labels_fall_to_climatology(data: Dataset) -> None:
    label = data.labels["touched"]
    known = label["value"].notna()
    shuffled = label.copy()
    shuffled.loc[known, "value"] = np.random.default_rng(3).permutation(label.loc[known, "value"])
    lines = figures(walk_forward(MODEL, replace(data, labels={"touched": shuffled}), seed=7))
    assert lines["model"]["r2"] < 0.003
    assert lines["closed form IV"]["r2"] < -0.2


def test_a_planted_signal_is_found(data: Dataset) -> None:
    """Outcomes drawn from the closed form, but for rising markets in which all is likelier."""
    rows = data.rows
    truth = expit(0.9 * rows["logit_range"] + np.where(rows["momentum"] > 0.02, 1.5, -0.5))
    drawn = (np.random.default_rng(6).random(len(rows)) < truth).astype(float)
    label = data.labels["touched"]
    planted = label.assign(value=np.where(label["value"].notna(), drawn, np.nan))
    fold = expanding_folds(rows["closed_at"])[-1]
    changed = replace(data, labels={"touched": planted})
    known = changed.known_by(fold.start)
    later = (rows["closed_at"] >= fold.start).to_numpy()
    stated, forms = MODEL.fit(known, seed=7).predict(changed)["touched"]["model"], MODEL.baselines(known, changed)["touched"]
    errors = {name: np.mean((values[later] - drawn[later]) ** 2) for name, values in {"model": stated, **forms}.items()}
    assert errors["model"] < 0.9 * min(value for name, value in errors.items() if name != "model")


def test_the_future_in_the_features_is_refused(data: Dataset) -> None:
    leaking = data.rows.assign(momentum=data.labels["touched"]["value"].fillna(0.5))
    rows = walk_forward(MODEL, replace(data, rows=leaking), seed=7)
    with pytest.raises(ModelError, match=r"below the best simple one .*purge by expiry"):
        MODEL.judge(rows)


def test_nothing_is_known_of_a_random_walk(tmp_path: object) -> None:
    """Where the true volatility is constant, its closed form is the best that can be: better is a leak."""
    generator, true = np.random.default_rng(12), 0.2 / np.sqrt(252)
    bars = real_bars("^IXIC", "2009-01-01", "2015-01-01")
    steps = true / np.sqrt(78) * generator.normal(size=(len(bars), 78))
    within = np.cumsum(steps, axis=1)
    opened = np.concatenate([[0.0], np.cumsum(within[:, -1])[:-1]])
    for name, move in (
        ("open", 0),
        ("high", np.maximum(within.max(axis=1), 0)),
        ("low", np.minimum(within.min(axis=1), 0)),
        ("close", within[:, -1]),
    ):
        bars[name] = 100 * np.exp(opened + move)
    rows = walk_forward(MODEL, MODEL.prepare(Source(write_lake(Lake(str(tmp_path)), [bars]), load_universe("sample"))), seed=7)
    days = np.busday_count(rows["timestamp"].dt.date.to_numpy("M8[D]"), rows["expiry"].dt.date.to_numpy("M8[D]"))
    barrier = np.log1p(np.where(rows["right"] == "call", 1, -1) * rows["distance"])
    best = (touch_probability(barrier, np.full(len(rows), 0.2), days) - rows["actual"]) ** 2
    difference = best - (rows["model"] - rows["actual"]) ** 2
    assert difference.mean() < 2 * difference.std() / np.sqrt(len(rows))
    assert figures(rows)["model"]["brier"] == pytest.approx(best.mean(), abs=0.006)


def test_listed_options_are_learned_from_and_judged_apart(predictions: pd.DataFrame) -> None:
    listed = predictions.iloc[:50].assign(origin="listed")
    groups = judge_touches(pd.concat([predictions, listed], ignore_index=True)).groups
    assert groups[-1]["name"] == "listed options"
    assert groups[-1]["rows"] == 50
    assert groups[0] == judge_touches(predictions).groups[0]


def test_too_alike_to_learn(data: Dataset) -> None:
    same = {"touched": data.labels["touched"].assign(value=1.0)}
    with pytest.raises(ModelError, match="all came out alike"):
        MODEL.fit(replace(data, labels=same), seed=7)


def test_on_ten_years_of_the_four_symbols(tmp_path: object) -> None:
    bars = [shared_bars(symbol, "2014-03-01", "2024-03-09") for symbol in ("SPY", "^VIX", "TSLA", "NVDA", "AMD")]
    data = MODEL.prepare(Source(write_lake(Lake(str(tmp_path)), bars), load_universe("core5")))
    assert len(data.rows) == pytest.approx(16_000, abs=300)
    assert data.rows.groupby("symbol").size().between(3900, 4150).all()
    rows = walk_forward(MODEL, data, seed=7)
    judgement = MODEL.judge(rows)
    # One closed form alone is never farther from the best of a year than is promised either.
    assert [promise["verdict"] for promise in judgement.promises][1:] == ["trivially met", "trivially met"]
    lines = figures(rows)
    best = min(values["brier"] for name, values in lines.items() if name.startswith("closed form"))
    assert 0.96 * best < lines["model"]["brier"] < best
    assert 0.30 < lines["model"]["r2"] < 0.41
    assert len(judgement.groups) == 9
    touched = {group["name"]: group["touched"] for group in judgement.groups}
    assert touched["TSLA calls"] > touched["TSLA puts"]
