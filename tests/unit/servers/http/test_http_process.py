"""The stand-ins as processes of their own, with their control over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.servers.common import Row
from tests.servers.common_process import started
from tests.servers.common_tables import package_tables
from tests.servers.http.stand_in import without_proxy
from tests.unit.servers.http.conftest import Walk

ROOT = Path(__file__).resolve().parents[4]
START = datetime(2024, 5, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = ("binance", "binance_bulk", "yahoo")


def write(path: Path, rows: list[Row]) -> Path:
    lines = [",".join([row[0].isoformat(), *(repr(value) for value in row[1:])]) for row in rows]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *lines]))
    return path


def test_bars_faults_record_and_clock_from_another_process(tmp_path: Path, walk: Walk) -> None:
    write(tmp_path / "BTC%2FUSDT.csv", walk(START, HOUR, 48))
    options = ["--bars", f"1h={tmp_path}", "--now", "2024-05-29T00:00", "--weight-limit", "5", "--delisted", "BTC/USDT"]
    with started("tests.servers.http.binance", *options) as running:
        query = f"/api/v3/klines?symbol=BTCUSDT&interval=1h&startTime={int(START.timestamp() * 1000)}"

        def status_and_rows() -> tuple[int, int]:
            answer = requests.get(running.address + query, timeout=5)
            return answer.status_code, len(answer.json())

        assert status_and_rows() == (200, 25)
        running.call("clock", {"seconds": 6 * 3600})
        assert status_and_rows() == (200, 31)
        running.call("bars", {"symbol": "BTC/USDT", "timeframe": "1h", "rows": [[START.timestamp(), 1, 2, 1, 2, 5]]})
        running.call("faults", {"kind": "empty", "matching": "klines"})
        assert running.call("faults")[0]["seen"] == 0
        assert status_and_rows() == (200, 0)
        assert status_and_rows() == (200, 1)
        assert [status_and_rows()[0] for _ in range(3)] == [429, 429, 429]
        assert [broken["rule"][:6] for broken in running.call("violations")] == ["weight", "reques", "reques"]
        assert [entry["fault"] for entry in running.call("requests")][2:4] == ["empty", ""]
        running.call("clear-faults", {})
        running.call("forget", {})
        assert [running.call(name) for name in ("faults", "requests", "violations")] == [[], [], []]
        for name, body in (("faults", {"kind": "odd"}), ("clock", {"hours": 1}), ("bars", {"symbol": "BTC/USDT"})):
            with pytest.raises(urllib.error.HTTPError, match="400"):
                running.call(name, body)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            running.call("odd")


def test_bulk_files_from_another_process(tmp_path: Path, walk: Walk) -> None:
    file = write(tmp_path / "any.csv", walk(START, HOUR, 48))
    with started("tests.servers.http.binance_bulk", "--bars", f"BTC/USDT:1h={file}") as running:
        path = "/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-05-28.zip"
        assert requests.get(running.address + path, timeout=5).content[:2] == b"PK"
        with pytest.raises(urllib.error.HTTPError, match="400"):
            running.call("clock", {"seconds": 1})  # runs on the machine's clock


def test_an_unmodified_yfinance_in_a_third_process(tmp_path: Path) -> None:
    script = (
        "import sys, yfinance as yf\n"
        "yf.set_tz_cache_location(sys.argv[1])\n"
        "frame = yf.Ticker('AAPL').history(start='2020-08-28', end='2020-09-01', auto_adjust=False)\n"
        "print(frame['Close'].tolist(), frame['Stock Splits'].tolist())\n"
    )
    certificates = tmp_path / "made" / "by the stand-in"
    options = ["--packages", "--certificates", str(certificates), "--actions", "AAPL:2020-08-31:split:4"]
    with started("tests.servers.http.yahoo", *options) as running:
        authority = str(certificates / "authority.pem")
        bundles = dict.fromkeys(("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), authority)
        environment = {**os.environ, "HTTPS_PROXY": running.address, **bundles, **without_proxy()}
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "cache")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        days = {row[0].date(): row for row in package_tables()["AAPL"]["1d"]}
        closes = [days[day][4] for day in (date(2020, 8, 28), date(2020, 8, 31))]
        assert done.stdout == f"{closes} [0.0, 4.0]\n", done.stderr
        assert running.call("violations") == []


def test_stand_ins_with_one_folder_of_certificates_are_trusted_by_it_alike(tmp_path: Path) -> None:
    options = ["--packages", "--certificates", str(tmp_path)]
    path = "https://query2.finance.yahoo.com/v8/finance/chart/AAPL?interval=1d&range=5d"
    with started("tests.servers.http.yahoo", *options) as one, started("tests.servers.http.yahoo", *options) as other:
        for running in (one, other):
            requests.get(path, proxies={"https": running.address}, verify=str(tmp_path / "authority.pem"), timeout=5)
            assert len(running.call("requests")) == 1
    assert (tmp_path / "authority.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", NAMES)
def test_wrong_arguments_end_with_one_sentence(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", f"tests.servers.http.{name}", "--bars", "2d=/nowhere"]
    command += ["--certificates", str(tmp_path)] if name == "yahoo" else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"python -m tests.servers.http.{name}: --bars 2d=/nowhere: not ")
    assert len(done.stderr.splitlines()) == 1
