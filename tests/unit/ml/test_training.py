import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.errors import ConfigurationError, LakeError, ModelError
from include.lake import Lake
from ml import registry, training
from ml.card import VERDICTS
from ml.report.cards import Group
from ml.training import Trained, _weights_hash, train
from tests.model_lake import FROM_FEATURES, challenger, real_bars, registry_at, write_lake

KEYS = {
    "model_name",
    "version",
    "question",
    "label",
    "trained_date",
    "training_samples",
    "test_accuracy",
    "symbols",
    "feature_set",
    "feature_count",
    "features",
    "timeframe",
    "seed",
    "data_hash",
    "window",
    "evaluation",
    "groups",
    "main_metric",
    "promises",
    "verdict",
    "verdict_reason",
}


@pytest.mark.parametrize("model_id", FROM_FEATURES)
def test_the_card_has_what_others_read(trained: dict[str, Trained], model_id: str) -> None:
    card = trained[model_id].card
    assert set(card) >= KEYS
    assert card == json.loads(json.dumps(card, allow_nan=False))
    assert card["model_name"] == model_id
    assert card["feature_count"] == len(card["features"])
    assert card["feature_set"] == "test-set"
    assert pd.Timestamp(card["trained_date"]).tzinfo is not None
    assert card["promises"]
    assert {promise["verdict"] for promise in card["promises"]} | {card["verdict"]} <= set(VERDICTS)
    assert card["window"]["last"] == "2018-12-31"
    assert set(card["evaluation"]) == {"scheme", "folds", "first", "last", "rows", "labels", "days"}
    for group in card["groups"]:
        assert [line["role"] for line in group["comparison"]].count("model") == 1
        assert "baseline" in [line["role"] for line in group["comparison"]]
        for line in group["comparison"]:
            assert set(line["metrics"]) <= set(group["metric_notes"])
            assert card["main_metric"]["name"] in line["metrics"]


@pytest.mark.parametrize("model_id", FROM_FEATURES)
def test_stored_predictions_carry_every_line_of_the_card(trained: dict[str, Trained], model_id: str) -> None:
    found = challenger(model_id)
    assert found is not None
    rows = pd.read_parquet(io.BytesIO(found.read("walk_forward.parquet")))
    assert {"group", "symbol", "timestamp", "closed_at", "known_at", "actual", "model"} <= set(rows.columns)
    for group in found.card["groups"]:
        part = Group.model_validate(group).pick(rows)
        assert len(part) == group["rows"]
        for line in group["comparison"]:
            assert part[line["name"]].notna().all()
    assert (rows["known_at"] >= rows["closed_at"]).all()


@pytest.mark.parametrize("model_id", FROM_FEATURES)
def test_the_dataset_is_readable_without_pickle(trained: dict[str, Trained], model_id: str) -> None:
    found = challenger(model_id)
    assert found is not None
    with np.load(io.BytesIO(found.read("dataset.npz")), allow_pickle=False) as stored:
        assert stored["X"].shape == (len(stored["y"]), found.card["feature_count"])
        assert stored["feature_names"].tolist() == found.card["features"]
        assert stored["timestamp"].max() == np.datetime64("2018-12-31")
        assert np.isfinite(stored["y"]).any(axis=0).all()


def test_trained_again_the_version_is_reused(trained: dict[str, Trained], model_lake: Lake) -> None:
    for model_id, made in trained.items():
        again = train(model_lake, model_id, universe="sample", seed=7)
        assert again.reused
        assert (again.version, again.run_id, again.card) == (made.version, made.run_id, made.card)


def test_two_trainings_of_the_same_at_once_end_in_one_version(
    model_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Both have looked for a version and found none before either registers."""
    both, make_card = Barrier(2), training.evaluated

    def evaluated(*given: Any) -> dict[str, Any]:
        both.wait(timeout=120)
        return make_card(*given)

    def run(_: int) -> Trained:
        return train(model_lake, "industry_linear", universe="sample", start=pd.Timestamp("2014-01-01"), seed=7)

    monkeypatch.setattr(training, "evaluated", evaluated)
    with registry_at(tmp_path), caplog.at_level("INFO"), ThreadPoolExecutor(2) as pool:
        made = list(pool.map(run, range(2)))
        assert [note.version for note in registry.history("industry_linear")] == ["1"]
    assert {(one.version, one.run_id) for one in made} == {("1", made[0].run_id)}
    assert sorted(one.reused for one in made) == [False, True]
    assert "industry_linear: version 1 was trained on exactly this meanwhile" in caplog.text


def test_other_inputs_make_other_versions_and_equal_ones_equal_weights(model_lake: Lake, tmp_path: Path) -> None:
    def run(**changes: object) -> Trained:
        return train(model_lake, "regime5_xgboost", **{"universe": "sample", "seed": 7} | changes)

    with registry_at(tmp_path):
        first = run()
        forced = run(force=True)
        other_seed = run(seed=8)
        shorter = run(end=pd.Timestamp("2018-01-01"))
        assert [made.version for made in (first, forced, other_seed, shorter)] == ["1", "2", "3", "4"]
        assert not any(made.reused for made in (first, forced, other_seed, shorter))
        assert run(seed=8).version == "3"
        assert forced.card["weights_hash"] == first.card["weights_hash"] != other_seed.card["weights_hash"]
        assert forced.card["groups"] == first.card["groups"]
        assert shorter.card["data_hash"] != first.card["data_hash"]
        assert shorter.card["window"]["last"] == "2017-12-29"


def test_a_tampered_version_is_not_reused(model_lake: Lake, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with registry_at(tmp_path):
        train(model_lake, "volatility_garch", universe="sample", seed=7)
        found = challenger("volatility_garch")
        assert found is not None
        (found.folder / "model" / "garch.json").write_bytes(b"{}")
        again = train(model_lake, "volatility_garch", universe="sample", seed=7)
        assert (again.version, again.reused) == ("2", False)
        assert "model/garch.json is not what was stored and is refused" in caplog.text
        assert train(model_lake, "volatility_garch", universe="sample", seed=7).reused


def test_wrong_requests_are_refused(model_lake: Lake, lake: Lake) -> None:
    with pytest.raises(ConfigurationError, match="trained on bars of 1d, not 5m"):
        train(model_lake, "volatility_garch", universe="sample", timeframe="5m", seed=7)
    with pytest.raises(ConfigurationError, match="universe 'nowhere' is unknown"):
        train(model_lake, "volatility_garch", universe="nowhere", seed=7)
    with pytest.raises(LakeError, match="run the DAG backfill_market"):
        train(lake, "volatility_garch", universe="sample", seed=7)


def test_too_little_data_registers_nothing(lake: Lake, tmp_path: Path) -> None:
    write_lake(lake, [real_bars("^GSPC", "2017-06-01", "2018-06-01")])
    with registry_at(tmp_path):
        with pytest.raises(ModelError, match="Insufficient data for training volatility_garch"):
            train(lake, "volatility_garch", universe="sample", seed=7)
        assert not (tmp_path / "mlflow.db").exists()


def test_a_leak_registers_nothing(model_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ml.models import volatility_garch

    honest = volatility_garch.FittedVolatility.predict

    def leaking(self: volatility_garch.FittedVolatility, data: object) -> dict[str, pd.DataFrame]:
        stated = honest(self, data)
        tomorrow = stated["tomorrow"]
        return {**stated, "tomorrow": tomorrow.assign(model=data.labels["tomorrow"]["value"].fillna(0.01))}

    monkeypatch.setattr(volatility_garch.FittedVolatility, "predict", leaking)
    with registry_at(tmp_path):
        with pytest.raises(ModelError, match="look for the future in the features"):
            train(model_lake, "volatility_garch", universe="sample", seed=7)
        assert challenger("volatility_garch") is None


def test_the_verdict_is_that_of_the_first_promise(trained: dict[str, Trained]) -> None:
    for made in trained.values():
        first = made.card["promises"][0]
        assert made.card["verdict"] == first["verdict"]
        assert made.card["verdict_reason"] == f"{first['text']}: {first['reason']}"


def test_the_card_tells_what_counts(trained: dict[str, Trained]) -> None:
    labels_told = {"direction_xgboost": 1, "direction_lstm": 1, "volatility_lstm": 2, "touch_xgboost": 1}
    labels_told |= {"regime5_xgboost": 4, "regime4_forest": 4}
    for model_id, labels in labels_told.items():
        importance = trained[model_id].card["importance"]
        assert len(importance) == labels
        for shares in importance.values():
            assert sum(shares.values()) == pytest.approx(1.0)
            assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert trained["volatility_garch"].card["importance"] == {}


STAGES = ["dataset", "walk-forward", "canaries", "fit", "leak checks", "dated split"]


@pytest.mark.parametrize("model_id", FROM_FEATURES)
def test_the_card_is_a_page_with_certificate_and_times(trained: dict[str, Trained], model_id: str) -> None:
    card = trained[model_id].card
    assert [check["verdict"] for check in card["leak_checks"].values()] == ["passed"] * 3
    assert list(card["seconds"]) == STAGES
    found = challenger(model_id)
    assert found is not None
    page = (found.folder / "card.html").read_text()
    assert page.count("<article") == 1
    assert f"{model_id} <small>version {found.version}" in page
    assert "No look ahead: folds know their past only" in page
    assert "walk-forward " in page.split("<dt>Seconds</dt>")[1]
    assert card["data_hash"] in page


def test_the_card_tells_why_the_dated_split_says_nothing(trained: dict[str, Trained]) -> None:
    """These bars end in 2018, the split begins in 2020."""
    for model in trained.values():
        found = model.card["dated_split"]
        assert [part["from"] for part in found["parts"].values()] == ["2020-01-01", "2024-01-01", "2024-07-01"]
        assert found["not_evaluated"].startswith("of the training part, there are no rows; set dates that lie within the rows")


def test_the_weights_hash_of_a_network_is_that_of_its_arrays(trained: dict[str, Trained]) -> None:
    found = challenger("direction_lstm")
    assert found is not None
    paths = {path.removeprefix("model/"): found.read(path) for path in found.sha256 if path.startswith("model/")}
    assert _weights_hash(paths) == found.card["weights_hash"]
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(paths["direction.keras"])) as old, zipfile.ZipFile(packed, "w") as new:
        for name in reversed(old.namelist()):
            new.writestr(name, old.read(name))
    assert packed.getvalue() != paths["direction.keras"]
    assert _weights_hash({**paths, "direction.keras": packed.getvalue()}) == found.card["weights_hash"]
    assert _weights_hash({**paths, "direction.json": b"{}"}) != found.card["weights_hash"]
