"""The stand-in as a process of its own, with its control over HTTP."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from tests.unit.servers.tws.clients import ask_bars, connected, in_own_loop
from tests.unit.servers.tws.real_bars import index_day, index_days

ROOT = Path(__file__).resolve().parents[4]
COMMAND = [sys.executable, "-m", "tests.servers.tws"]


class Running:
    """Address and control of a started process."""

    def __init__(self, line: str) -> None:
        host, port, self.control = re.fullmatch(
            r"tws stand-in listening on (127\.0\.0\.1):(\d+), control at (http://127\.0\.0\.1:\d+/_control/)\n", line
        ).groups()
        self.host, self.port = host, int(port)

    def call(self, name: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.control + name, data, timeout=5) as answer:
            return json.load(answer)


@contextmanager
def started(*arguments: str):
    process = subprocess.Popen([*COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield Running(process.stdout.readline())
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [",".join([f"{row[0]:%Y-%m-%d}", *(repr(value) for value in row[1:])]) for row in index_days()]
    (tmp_path / "^GSPC.csv").write_text("\n".join(["date,open,high,low,close,volume,adj_close", *lines]))
    return tmp_path


def test_bars_faults_record_and_clock_from_another_process(folder: Path) -> None:
    async def work():
        from ib_insync import Index

        spx = Index("SPX", "CBOE", "USD")
        async with connected(running) as ib:
            first = await ask_bars(ib, spx, "", "1 D", "1 day")
            running.call("faults", {"kind": "error", "code": 162, "text": "x"})
            with pytest.raises(Exception, match="162: x"):
                await ask_bars(ib, spx, "", "1 D", "1 day")
            running.call("clock", {"seconds": 3 * 86400})
            second = await ask_bars(ib, spx, "", "1 D", "1 day")
            running.call("bars", {"symbol": "^GSPC", "timeframe": "1d", "rows": [[1528934400, 1, 2, 1, 2, 5]]})
            third = await ask_bars(ib, spx, "", "5 D", "1 day")
            running.call("broadcast", {"code": 1100})
            running.call("drop", {})
            return first, second, third

    with started("--bars", f"1d={folder}", "--options", "^GSPC", "--now", "2018-06-15T21:00") as running:
        first, second, third = in_own_loop(work)
        outcomes = [entry["outcome"] for entry in running.call("requests") if entry["kind"] == "history"]
        assert running.call("violations") == []
        assert running.call("faults")[0]["seen"] == 3
        running.call("clear-faults", {})
        running.call("forget", {})
        assert (running.call("faults"), running.call("requests")) == ([], [])
        for name, body in (("faults", {"kind": "odd"}), ("clock", {"hours": 1}), ("broadcast", {"code": 1})):
            with pytest.raises(urllib.error.HTTPError, match="400"):
                running.call(name, body)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            running.call("odd")
    assert outcomes == ["answered", "error 162", "answered", "answered"]
    assert (first[0].date, first[0].close) == (date(2018, 6, 15), index_day(date(2018, 6, 15))[4])
    assert second[0].date == date(2018, 6, 18)
    assert [(bar.date, bar.close) for bar in third] == [(date(2018, 6, 14), 2.0)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bars", "2d=/nowhere"], "--bars 2d=/nowhere: not"),
        (["--options", "AAPL"], "--options AAPL: no daily bars of it"),
        (["--options", "AAPL=/nowhere.csv"], "/nowhere.csv"),
    ],
)
def test_wrong_arguments_end_with_one_sentence(arguments: list[str], words: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith("tws stand-in: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
