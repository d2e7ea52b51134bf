"""What is stored of a dataset must be all that the baselines read of it: fitted on it they say the same, to the last bit."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from include.feature_sets import write_current
from include.lake import Lake
from ml.catalog import BACKTESTS, CATALOG, make_model
from ml.dataset import Dataset, Source
from ml.registry import DATASET, Registered
from ml.stored_dataset import dataset_bytes, read_dataset
from tests.backtests import made_source
from tests.model_lake import FEATURE_SET

CARD = {"window": {"known_until": "2019-01-01T00:00:00+00:00"}}


def stored(data: Dataset, folder: Path) -> Dataset:
    """The dataset after a stay on disk."""
    content = dataset_bytes(data)
    (folder / DATASET).write_bytes(content)
    return read_dataset(Registered("any", "1", "run", CARD, folder, (), {DATASET: hashlib.sha256(content).hexdigest()}, {}))


@pytest.mark.parametrize("model_id", CATALOG)
def test_baselines_fitted_on_what_is_stored_say_the_same(model_id: str, source: Source, tmp_path: Path) -> None:
    if CATALOG[model_id].learns_from == BACKTESTS:
        lake = Lake(str(tmp_path / "lake"))
        write_current(lake, "1d", FEATURE_SET)
        source = made_source(lake, windows=64, strategies=40, seed=5)
    else:
        source = replace(source, start=datetime(2014, 1, 1, tzinfo=UTC))
    model = make_model(model_id)
    data = model.prepare(source)
    said, again = model.baselines(data, data), model.baselines(stored(data, tmp_path), data)
    assert list(said) == list(again)
    for label, lines in said.items():
        assert lines.notna().any().all()
        pd.testing.assert_frame_equal(again[label], lines, check_exact=True)


def test_labels_count_as_known_when_training_ended(source: Source, tmp_path: Path) -> None:
    data = make_model("regime5_xgboost").prepare(source)
    found = stored(data, tmp_path)
    assert found.features == data.features
    np.testing.assert_array_equal(found.rows[data.features], data.rows[data.features])
    for name, label in found.labels.items():
        np.testing.assert_array_equal(label["value"], data.labels[name]["value"])
        assert set(label["known_at"]) == {pd.Timestamp("2019-01-01", tz="UTC")}
