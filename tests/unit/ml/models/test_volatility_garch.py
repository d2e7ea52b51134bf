import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from include.errors import ModelError
from include.lake import Lake
from include.universes import load_universe
from ml.dataset import Dataset, Source
from ml.models.volatility_garch import VolatilityGarch
from ml.models.volatility_judge import NEXT_20, TOMORROW
from ml.validation.walk_forward import walk_forward
from tests.model_lake import real_bars, write_lake

MODEL = VolatilityGarch()


@pytest.fixture(scope="module")
def data(source: Source) -> Dataset:
    return MODEL.prepare(source)


@pytest.fixture(scope="module")
def predictions(data: Dataset) -> pd.DataFrame:
    return walk_forward(MODEL, data, seed=7)


def test_symbols_with_a_price_take_part(data: Dataset) -> None:
    assert data.symbols == ["^GSPC", "^IXIC"]
    assert data.left_out["AAPL"] == "there are no rows"  # in the universe, not in this lake
    assert "no price that anyone can hold" in data.left_out["^VIX"]
    assert len(data.left_out) == 2
    for label in data.labels.values():
        assert (label["known_at"] > data.rows["closed_at"])[label["value"].notna()].all()


def test_labels_are_numpy_on_the_returns(data: Dataset) -> None:
    rows = data.rows[data.rows["symbol"] == "^IXIC"]
    place = 700
    returns = rows["return_1"].to_numpy(np.float64)
    at = rows.index[place]
    assert data.labels[TOMORROW].loc[at, "value"] == np.std(returns[place - 18 : place + 2], ddof=1)
    assert data.labels[NEXT_20].loc[at, "value"] == np.std(returns[place + 1 : place + 21], ddof=1)


def test_error_is_25_to_33_percent_below_naive_on_both_indices(predictions: pd.DataFrame) -> None:
    judgement = MODEL.judge(predictions)
    groups = {group["name"]: {line["name"]: line["metrics"] for line in group["comparison"]} for group in judgement.groups}
    assert list(groups) == ["^GSPC", "^IXIC", "^GSPC, next 20 days", "^IXIC, next 20 days"]
    for symbol in ("^GSPC", "^IXIC"):
        assert -0.33 < groups[symbol]["model"]["rmse_vs_naive"] < -0.25
        assert groups[symbol]["model"]["rmse"] < groups[symbol]["19 known returns"]["rmse"] < groups[symbol]["naive"]["rmse"]
        assert groups[symbol]["plain GARCH"]["rmse_vs_naive"] > 0.8
        assert 0.87 < groups[symbol]["model"]["coverage_90"] < 0.94
        assert groups[symbol]["model"]["diebold_mariano"] > 4
    verdicts = [promise["verdict"] for promise in judgement.promises]
    assert verdicts[1:] == ["trivially met", "trivially met", "met"]


def test_metrics_can_be_computed_again_from_the_predictions(predictions: pd.DataFrame) -> None:
    rows = predictions[predictions["group"] == "^GSPC"]
    group = next(group for group in MODEL.judge(predictions).groups if group["name"] == "^GSPC")
    for line in group["comparison"]:
        error = 100 * np.sqrt(np.mean((rows["actual"] - rows[line["name"]]) ** 2))
        assert line["metrics"]["rmse"] == pytest.approx(error)
    naive = rows["naive"].to_numpy()
    assert (naive[1:] == rows["actual"].to_numpy()[:-1]).all()  # tomorrow's naive forecast is today's outcome


def test_what_the_known_returns_give_stands_beside_each_line(predictions: pd.DataFrame) -> None:
    judgement = MODEL.judge(predictions)
    errors = {}
    for symbol in ("^GSPC", "^IXIC"):
        rows = predictions[predictions["group"] == symbol]
        lines = {line["name"]: line["metrics"] for line in next(one for one in judgement.groups if one["name"] == symbol)["comparison"]}
        errors[symbol] = {name: np.sqrt(np.mean((rows["actual"] - rows[name]) ** 2)) for name in lines}
        assert "rmse_vs_known" not in lines["19 known returns"]
        for name in set(lines) - {"19 known returns"}:
            assert lines[name]["rmse_vs_known"] == pytest.approx(errors[symbol][name] / errors[symbol]["19 known returns"] - 1)
    farthest = min(errors, key=lambda name: errors[name]["model"] / errors[name]["naive"])
    own, known = (errors[farthest][line] / errors[farthest]["naive"] - 1 for line in ("model", "19 known returns"))
    assert judgement.promises[1]["reason"].endswith(f"farthest is {farthest} with {own:+.1%}, of which those give {known:+.1%}")


def test_the_strongest_of_all_lines_is_the_one_to_beat(predictions: pd.DataFrame) -> None:
    """Also the model's own arithmetic with a simpler variance; only plain GARCH answers another question."""
    rows = predictions.copy()
    mine = rows["label"] == TOMORROW
    rows.loc[mine, "structural GARCH"] = rows.loc[mine, "actual"] + 0.999 * (rows.loc[mine, "model"] - rows.loc[mine, "actual"])
    judgement = MODEL.judge(rows)
    first = judgement.promises[0]
    assert first["verdict"] == "not met"
    assert first["reason"].startswith("RMSE +0.1% against 'structural GARCH' over all symbols")
    assert first["reason"].endswith("; no better than it on ^GSPC (+0.1%), ^IXIC (+0.1%)")
    roles = {line["name"]: line["role"] for group in judgement.groups for line in group["comparison"]}
    assert [name for name, role in roles.items() if role == "reference"] == ["plain GARCH"]


def test_shuffled_returns_leave_nothing_to_know(source: Source) -> None:
    """Without volatility clustering the model does no better than the 19 known returns."""
    data = MODEL.prepare(source)
    rows = data.rows[data.rows["symbol"] == "^GSPC"].reset_index(drop=True)
    generator = np.random.default_rng(5)
    rows["return_1"] = np.append([np.nan], generator.permutation(rows["return_1"].to_numpy()[1:])).astype(np.float32)

    class Shuffled(Source):
        def features(self, symbols: list[str], names: list[str]) -> pd.DataFrame:
            return rows

    shuffled = MODEL.prepare(Shuffled(source.lake, source.universe))
    promises = MODEL.judge(walk_forward(MODEL, shuffled, seed=7)).promises
    assert promises[0]["verdict"] == "not met"


def test_the_future_in_the_features_is_refused(data: Dataset, predictions: pd.DataFrame) -> None:
    leaked = predictions.copy()
    leaked["model"] = leaked["actual"] + 0.9 * (leaked["model"] - leaked["actual"])
    with pytest.raises(ModelError, match="more than knowledge of the past can give"):
        MODEL.judge(leaked)


def test_predictions_are_causal(data: Dataset) -> None:
    fitted = MODEL.fit(data.known_by(pd.Timestamp("2014-01-01", tz="UTC")), seed=7)
    cut = pd.Timestamp("2016-06-15", tz="UTC")
    noisy = replace(data, rows=data.rows.assign(return_1=data.rows["return_1"].where(data.rows["closed_at"] < cut, 0.3)))
    for name, stated in fitted.predict(data).items():
        before = (data.rows["closed_at"] < cut).to_numpy()
        pd.testing.assert_frame_equal(fitted.predict(noisy)[name][before], stated[before])
        assert stated.loc[before, "model"].notna().sum() > 3000


def test_goes_on_from_its_state_bit_for_bit(data: Dataset) -> None:
    moment = pd.Timestamp("2016-01-01", tz="UTC")
    fitted = MODEL.fit(data.known_by(moment), seed=7)
    loaded = MODEL.load(fitted.files())
    assert loaded == fitted
    later = data._take(data.rows["closed_at"] >= moment)
    whole = fitted.predict(data)
    for name, stated in loaded.predict(later).items():
        expected = whole[name][(data.rows["closed_at"] >= moment).to_numpy()].reset_index(drop=True)
        pd.testing.assert_frame_equal(stated, expected)
        assert stated["model"].notna().all()


def test_rows_inside_the_training_without_its_beginning_stay_null(data: Dataset) -> None:
    fitted = MODEL.fit(data.known_by(pd.Timestamp("2016-01-01", tz="UTC")), seed=7)
    inside = data._take((data.rows["closed_at"] >= "2014-01-01") & (data.rows["closed_at"] < "2015-01-01"))
    assert fitted.predict(inside)[TOMORROW]["model"].isna().all()


def test_files_are_plain_json(data: Dataset) -> None:
    files = MODEL.fit(data, seed=7).files()
    content = json.loads(files["garch.json"], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert set(content) == {"^GSPC", "^IXIC"}
    assert content["^GSPC"]["variance"]["kind"] == "gjr-garch-t"
    assert content["^GSPC"]["state"]["timestamp"] == "2018-12-31T00:00:00+00:00"
    assert files == MODEL.fit(data, seed=8).files()


def test_less_than_two_years_is_refused_before_anything_is_fitted(tmp_path: object) -> None:
    lake = write_lake(Lake(str(tmp_path)), [real_bars("^GSPC", "2016-01-01", "2017-06-01"), real_bars("^VIX", "2016-01-01", "2017-06-01")])
    with pytest.raises(ModelError, match=r"Insufficient data for training volatility_garch: \^GSPC: there are 354 usable rows"):
        MODEL.prepare(Source(lake, load_universe("sample")))
