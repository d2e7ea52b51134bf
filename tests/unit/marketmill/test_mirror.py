"""The mirror in a real MongoDB."""

from __future__ import annotations

import pandas as pd
import pytest
from pymongo import MongoClient

from include.lake import Lake
from marketmill.mirror import mirror_bars, mirror_models
from ml import registry
from ml.promotion import promote
from tests.model_lake import real_bars, registry_at, write_lake
from tests.mongodb import mongodb

BARS = [real_bars(symbol, "2018-03-01", "2018-06-01") for symbol in ("^GSPC", "^VIX")]


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with mongodb(tmp_path_factory.mktemp("mongo")) as port:
        yield port


@pytest.fixture
def database(port, request):
    with MongoClient("127.0.0.1", port, tz_aware=True) as client:
        yield client[request.node.name[:60]]
        client.drop_database(request.node.name[:60])


def test_every_bar_is_a_document_and_doing_it_again_writes_nothing(database, tmp_path):
    lake = write_lake(Lake(str(tmp_path)), BARS)
    assert mirror_bars(lake, database, "1d") == ["2018-03", "2018-04", "2018-05"]
    rows = pd.concat(BARS)
    assert database.market_data.count_documents({}) == len(rows)
    one = database.market_data.find_one({"_id": "1d|^GSPC|2018-05-15T00:00:00+00:00"})
    wanted = BARS[0][BARS[0]["timestamp"] == pd.Timestamp("2018-05-15", tz="UTC")].iloc[0]
    assert (one["close"], one["symbol"], one["month"], one["timeframe"]) == (wanted["close"], "^GSPC", "2018-05", "1d")
    assert one["timestamp"] == wanted["timestamp"].to_pydatetime()
    assert database.market_data.find_one({"symbol": "^VIX"})["volume"] is None
    assert mirror_bars(lake, database, "1d") == []


def test_a_restated_month_is_written_again_and_a_bar_that_is_gone_goes(database, tmp_path):
    mirror_bars(write_lake(Lake(str(tmp_path / "before")), BARS), database, "1d")
    restated = BARS[0].copy()
    restated.loc[restated["timestamp"] == pd.Timestamp("2018-04-10", tz="UTC"), "close"] += 1
    restated = restated[restated["timestamp"] != pd.Timestamp("2018-04-11", tz="UTC")]
    after = write_lake(Lake(str(tmp_path / "after")), [restated, BARS[1]])
    assert mirror_bars(after, database, "1d") == ["2018-04"]
    assert database.market_data.find_one({"_id": "1d|^GSPC|2018-04-11T00:00:00+00:00"}) is None
    assert database.market_data.count_documents({}) == len(pd.concat(BARS)) - 1


def test_a_mirroring_that_broke_off_is_done_again(database, tmp_path, monkeypatch):
    lake = write_lake(Lake(str(tmp_path)), BARS)
    mirror_bars(lake, database, "1d")
    database.market_data_months.delete_one({"_id": "1d|2018-05"})
    database.market_data.delete_many({"symbol": "^VIX", "month": "2018-05"})
    assert mirror_bars(lake, database, "1d") == ["2018-05"]
    assert database.market_data.count_documents({}) == len(pd.concat(BARS))


def card(identity: str) -> dict:
    keys = {"universe": "sample", "timeframe": "1d", "seed": 7, "feature_set": "f", "data_hash": "d", "code_hash": "c"}
    facts = {
        "model_name": "volatility_garch",
        "identity": identity,
        "params": {},
        "groups": [],
        "feature_count": 3,
        "test_accuracy": None,
        "verdict": "met",
    }
    return facts | keys


def test_champion_and_challenger_are_documents(database, tmp_path, monkeypatch):
    with registry_at(tmp_path):
        monkeypatch.setattr(registry.Registered, "load", lambda self: None)
        registry.register(card("one"), {"model.json": b"{}"}, {})
        promote("volatility_garch", "1", expected=None, serves={}, reason="first")
        registry.register(card("two"), {"model.json": b"{}"}, {})
        assert mirror_models(database) == ["volatility_garch|2", "volatility_garch|1"]
        stages = {one["_id"]: one["stage"] for one in database.ml_models.find()}
        assert stages == {"volatility_garch|1": "champion", "volatility_garch|2": "challenger"}
        assert database.ml_models.find_one({"_id": "volatility_garch|1"})["feature_count"] == 3
        promote("volatility_garch", "2", expected="1", serves={}, reason="better")
        mirror_models(database)
        stages = {one["_id"]: one["stage"] for one in database.ml_models.find()}
        assert stages == {"volatility_garch|1": "former", "volatility_garch|2": "champion"}
