from __future__ import annotations

import json

import pandas as pd
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
from pymongo import MongoClient

from marketmill.hooks.mongo import MongoHook
from marketmill.operators.mirror import MirrorOperator
from tests.model_lake import real_bars, registry_at, write_lake
from tests.mongodb import mongodb

MIRROR = MirrorOperator(task_id="mirror")
BARS = [real_bars(symbol, "2018-03-01", "2018-06-01") for symbol in ("^GSPC", "^VIX")]


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with mongodb(tmp_path_factory.mktemp("mongo")) as port:
        yield port


def connect(monkeypatch, port: int, **fields) -> None:
    connection = {"conn_type": "mongo", "host": "127.0.0.1", "port": port, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_MONGO_DEFAULT", json.dumps(connection))


def test_without_a_connection_the_lake_alone_serves(context, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_MONGO_DEFAULT", raising=False)
    with pytest.raises(AirflowSkipException, match="there is no connection mongo_default: the lake alone serves"):
        MIRROR.execute(context())


def test_the_operator_mirrors_the_lake_of_the_settings(context, lake, port, monkeypatch, tmp_path):
    connect(monkeypatch, port, schema="of_the_operator")
    write_lake(lake, BARS)
    with registry_at(tmp_path / "registry"):
        run = context()
        run["params"] = {}
        assert MIRROR.execute(run) == {"months": {"1d": ["2018-03", "2018-04", "2018-05"]}, "models": []}
    with MongoClient("127.0.0.1", port) as client:
        assert client.of_the_operator.market_data.count_documents({}) == len(pd.concat(BARS))
        client.drop_database("of_the_operator")
    assert MongoHook().test_connection() == (True, "the server answers")


def test_a_server_that_is_away_is_worth_another_try(context, lake, monkeypatch):
    connect(monkeypatch, 1, login="mill", password="s3cr3t")
    write_lake(lake, BARS)
    with pytest.raises(AirflowException, match="to be tried again: the MongoDB of mongo_default did not take the mirror") as caught:
        MIRROR.execute(context())
    assert "s3cr3t" not in str(caught.value)
    assert MongoHook().test_connection()[0] is False
