"""A worker that is killed in the middle of a backfill: the next one asks only for what is missing."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from include.lake import Lake
from include.landing import list_landed
from tests.servers.common_process import started
from tests.unit.marketmill.hooks.binance_market import landed, walk

WORKER = """
import sys
from include.lake import Lake
from marketmill.fetch import FetchPlan, fetch_batch
from marketmill.hooks.binance import BinanceHook
plan = FetchPlan("binance", "crypto", "1h", "2023-01-01T00:00:00+00:00", "2024-01-01T00:00:00+00:00", ["BTC/USDT"])
[fetched] = fetch_batch(Lake(sys.argv[1]), BinanceHook(), plan)
sys.exit(fetched.reason or 0)
"""


@pytest.mark.system
def test_a_killed_worker_loses_nothing_that_landed(tmp_path):
    bars = walk("2023-01-01", "2024-01-01")
    with (tmp_path / "bars.csv").open("w") as file:
        csv.writer(file).writerows(
            [("timestamp", "open", "high", "low", "close", "volume"), *((row[0].isoformat(), *row[1:]) for row in bars)]
        )
    with started("tests.servers.http.binance", "--bars", f"BTC/USDT:1h={tmp_path / 'bars.csv'}") as rest:
        connection = {"conn_type": "binance", "host": rest.address, "extra": {"use_bulk": False}}
        environment = {
            **os.environ,
            "RESULTS_URL": f"sqlite:///{tmp_path / 'results.db'}",
            "AIRFLOW_CONN_BINANCE_DEFAULT": json.dumps(connection),
        }
        subprocess.run([sys.executable, "-m", "include.results.migrate"], env=environment, check=True)
        rest.call("faults", {"kind": "slow", "matching": "/klines", "times": None, "seconds": 0.3})
        lake, command = Lake(str(tmp_path / "lake")), [sys.executable, "-c", WORKER, str(tmp_path / "lake")]
        with subprocess.Popen(command, env=environment) as worker:
            while len(list_landed(lake, "binance", "1h", "BTC/USDT")) < 4:
                assert worker.poll() is None
                time.sleep(0.05)
            worker.send_signal(signal.SIGKILL)
        survived = len(list_landed(lake, "binance", "1h", "BTC/USDT"))
        assert 4 <= survived < 12

        rest.call("clear-faults", {})
        subprocess.run(command, env=environment, check=True, timeout=60)
        asked = Counter(entry["query"]["startTime"] for entry in rest.call("requests") if entry["path"].endswith("/klines"))
        assert len(asked) == 12
        assert sum(asked.values()) <= 13, "only the month that was under way was asked for twice"
        assert rest.call("violations") == []
    assert landed(lake, "BTC/USDT", "1h", "2023-01-01", "2024-01-01") == bars
