"""The chain on a lake in an object store, by a real S3 server: the same content as on a folder, also with writers at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from include.lake import Lake
from include.publish import dataset_content, list_months, read_month
from tests.object_store import object_store
from tests.postgresql import new_database
from tests.results_database import postgresql_server  # noqa: F401 - a fixture

pytestmark = [pytest.mark.system, pytest.mark.long]

ASKED = {"universe": "sample", "source": "sample", "symbols": ["^GSPC", "^VIX", "AAPL"], "start": "2018-03-01", "end": "2018-05-01"}
MONTH = "2018-05"

#: A process that adds its own rows to one month, one at a time, as publishers do.
WRITER = """
import sys
import pyarrow as pa
from include.lake import Lake
from include.publish import publish_month

lake, mine, rows = Lake(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(rows):
    row = pa.table({"writer": [mine], "number": [number]})
    publish_month(lake, "raced", sys.argv[4], lambda before: row if before is None else pa.concat_tables([before, row]))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with object_store(tmp_path_factory.mktemp("objects")) as variables:
        yield variables


@pytest.fixture
def bucket(store: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in store.items():
        monkeypatch.setenv(name, value)
    return "s3://marketmill"


def test_the_chain_makes_the_same_content_as_on_a_folder(bucket, lake, dags_test, monkeypatch):
    assert dags_test("backfill_market", **ASKED).code == 0
    stored = Lake(f"{bucket}/lake")
    ran = dags_test("backfill_market", on=stored.url, **ASKED)
    assert ran.code == 0, ran.log[-4000:]
    feature_set = stored.folders("features/timeframe=1d")[0].removeprefix("set=")
    for dataset in (lake.bars("1d"), lake.features("1d", feature_set)):
        months = list_months(lake, dataset)
        assert months == ["2018-03", "2018-04"]
        assert dataset_content(stored, dataset, months) == dataset_content(lake, dataset, months)
    # When a refused row was fetched differs; what was refused, and why, does not.
    refused = [read_month(one, one.quarantine("1d"), "2018-03").drop_columns(["fetched_at"]) for one in (lake, stored)]
    assert refused[0].equals(refused[1])


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_writers_at_once_lose_nothing_and_a_reader_sees_whole_months(bucket, database, tmp_path, request):
    results = f"sqlite:///{tmp_path / 'results.db'}" if database == "sqlite" else new_database(request.getfixturevalue("postgresql_server"))
    url, writers, rows = f"{bucket}/{database}", 3, 6
    environment = os.environ | {"RESULTS_URL": results}
    command = [sys.executable, "-c", WRITER, url]
    processes = [subprocess.Popen([*command, f"writer {one}", str(rows), MONTH], env=environment) for one in range(writers)]
    lake, seen = Lake(url), []
    while any(process.poll() is None for process in processes):
        table = read_month(lake, "raced", MONTH)
        seen.append(0 if table is None else table.num_rows)
        time.sleep(0.05)
    assert [process.returncode for process in processes] == [0] * writers
    assert seen == sorted(seen), "a reader saw rows go away"
    written = read_month(lake, "raced", MONTH).to_pylist()
    assert sorted((row["writer"], row["number"]) for row in written) == [
        (f"writer {one}", number) for one in range(writers) for number in range(rows)
    ]


def test_a_wrong_key_is_one_sentence(bucket, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(Exception, match=r"the lake s3://marketmill/lake cannot be reached .*check the bucket, AWS_ACCESS_KEY_ID"):
        Lake(f"{bucket}/lake")


def test_a_server_that_is_gone_fails_the_write_by_name(bucket, store, tmp_path, monkeypatch):
    with object_store(tmp_path / "short") as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        lake = Lake(f"{bucket}/lake")
        lake.write("there.txt", b"x")
    with ThreadPoolExecutor(1) as pool, pytest.raises(Exception, match=r"s3://marketmill/lake/there.txt cannot be written"):
        pool.submit(lake.write, "there.txt", b"y").result(timeout=120)
