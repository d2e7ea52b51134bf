"""Snapshots: every bar once, with the label of its close, and only months that changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from include.errors import LakeError
from include.feature_sets import FeatureFacts, FeatureSet, write_current
from include.publish import publish_month
from include.results.migrate import migrate
from include.results.reading import read_rows, spread
from include.results.tables import FEATURES_SNAPSHOTS
from ml.labels.regime3 import INPUTS, REGIMES, regime3
from ml.snapshots import store_snapshots
from tests.results_database import database_url, engine_of, postgresql_server

__all__ = ["database_url", "postgresql_server"]
SET = FeatureSet("s", tuple(FeatureFacts(name, "trend", "fraction", 20, 20, False, ("close",), "test", "test") for name in INPUTS))
COUNT = 9000  # of five minutes: all of May and three hours less than a day of June


def features(seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    times = pd.date_range("2024-05-01", periods=COUNT, freq="5min", tz="UTC", unit="us")
    parts = []
    for symbol in ("BTC/USDT", "ETH/USDT"):
        frame = pd.DataFrame({"symbol": symbol, "timestamp": times, "closed_at": times + pd.Timedelta("5min")})
        walk = np.exp(np.cumsum(draw.normal(0, 0.001, COUNT)))
        values = {"adx_14": draw.uniform(5, 45, COUNT), "ema_26": 100 * walk, "volume_ratio_20": draw.uniform(0.1, 2, COUNT)}
        values |= {name: draw.uniform(0.001, 0.004, COUNT) for name in ("natr_14", "bollinger_width_20")} | {
            "atr_14": draw.uniform(0.1, 0.3, COUNT)
        }
        parts.append(frame.assign(**values).astype(dict.fromkeys(INPUTS, "float32")))
        parts[-1].loc[:40, "adx_14"] = np.nan
    return pd.concat(parts, ignore_index=True)


def publish(lake, rows):
    for month, part in rows.groupby(rows["timestamp"].dt.strftime("%Y-%m")):
        table = pa.Table.from_pandas(part, preserve_index=False).select(SET.schema.names).cast(SET.schema)
        publish_month(lake, lake.features("5m", SET.id), str(month), lambda _, table=table: table)
    write_current(lake, "5m", SET)


@pytest.fixture
def engine(database_url):
    engine = engine_of(database_url)
    migrate(engine)
    return engine


def test_every_bar_once_with_its_features_and_label(lake, engine):
    rows = features()
    publish(lake, rows)
    stored = store_snapshots(lake, engine, "5m")
    assert (stored.months, stored.rows) == (("2024-05", "2024-06"), 2 * COUNT)
    found = spread(read_rows(engine, FEATURES_SNAPSHOTS)).sort_values(["symbol", "timestamp"], ignore_index=True)
    assert found["timestamp"].tolist() == rows["timestamp"].tolist()
    for name in INPUTS:
        assert np.array_equal(found[name].astype(np.float32), rows[name], equal_nan=True), name
    expected = regime3(rows).map(dict(enumerate(REGIMES)))
    assert set(found["label"].dropna()) == set(REGIMES)
    assert found["label"].fillna("").tolist() == expected.fillna("").tolist()
    assert (found["label_known_at"] == found["closed_at"])[found["label"].notna()].all()
    assert found["label_known_at"].isna().equals(found["label"].isna())


def test_only_what_changed_is_stored_again(lake, engine):
    rows = features()
    publish(lake, rows)
    store_snapshots(lake, engine, "5m")
    assert store_snapshots(lake, engine, "5m").months == ()
    later = rows["timestamp"] == rows["timestamp"].max()
    rows.loc[later, "adx_14"] = 1.0
    publish(lake, rows)
    assert store_snapshots(lake, engine, "5m").months == ("2024-06",)
    # The end of May is in the medians of June's first labels, but of May nothing but its own rows is.
    rows.loc[rows["timestamp"] < "2024-05-15", "natr_14"] *= 3
    publish(lake, rows)
    assert store_snapshots(lake, engine, "5m").months == ("2024-05",)
    assert len(read_rows(engine, FEATURES_SNAPSHOTS)) == 2 * COUNT


def test_without_features_it_says_what_to_run(lake, engine):
    with pytest.raises(LakeError, match="no 5m features were built yet; run the DAG backfill_market"):
        store_snapshots(lake, engine, "5m")
