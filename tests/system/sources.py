"""Every vendor's stand-in at once, and Airflow processes that are led to them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from include.lake import Lake
from include.landing import read_landed
from include.publish import list_months, read_month
from include.results.address import parse_address
from include.results.engine import open_engine
from include.results.migrate import migrate
from tests.conftest import PROJECT
from tests.servers.common import BarStore, Row, Tables
from tests.servers.common_clock import AdjustableClock
from tests.servers.http.binance import BinanceStandIn
from tests.servers.http.binance_bulk import BinanceBulkStandIn
from tests.servers.http.yahoo import YahooStandIn
from tests.servers.tws import TwsServer, TwsSettings

_COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
_ENDED = ":ended: "


@dataclass(frozen=True)
class Vendors:
    """The stand-ins, in this process; ``ledger`` is the address of the one ledger for all who ask them."""

    yahoo: YahooStandIn
    rest: BinanceStandIn
    bulk: BinanceBulkStandIn
    tws: TwsServer
    ledger: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead Airflow to the stand-ins and to the ledger."""
        binance = {"conn_type": "binance", "host": self.rest.address, "extra": {"bulk_url": self.bulk.address}}
        return {
            "AIRFLOW_CONN_BINANCE_DEFAULT": json.dumps(binance),
            "AIRFLOW_CONN_IBKR_DEFAULT": json.dumps({"conn_type": "ibkr", "host": self.tws.host, "port": self.tws.port}),
            "RESULTS_URL": self.ledger,
            **self.yahoo.environment,
        }

    def violations(self) -> list[object]:
        """Every rule of any vendor that was broken."""
        return [broken for server in (self.yahoo, self.rest, self.bulk, self.tws) for broken in server.violations()]


@contextmanager
def open_vendors(folder: Path, stocks: Tables, pairs: Tables, yahoo_begins: datetime) -> Iterator[Vendors]:
    """Start all of them on the machine's clock, Yahoo on one that begins at that moment; TWS paces bars of every size."""
    ledger = f"sqlite:///{folder / 'results.db'}"
    migrate(open_engine(parse_address(ledger, folder)))
    with ExitStack() as stack:
        yield Vendors(
            stack.enter_context(YahooStandIn(BarStore(stocks), clock=AdjustableClock(yahoo_begins, running=True))),
            stack.enter_context(BinanceStandIn(BarStore(pairs))),
            stack.enter_context(BinanceBulkStandIn(BarStore(pairs))),
            stack.enter_context(TwsServer(BarStore(stocks), settings=TwsSettings(pace_every_size=True))),
            ledger,
        )


@dataclass(frozen=True)
class Ran:
    """An ended Airflow command."""

    code: int
    log: str


class Airflow:
    """A process that runs one ``airflow`` command after the other, with a home and a lake of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.lake = Lake(str(folder / "lake"))
        home = folder / "airflow"
        home.mkdir(parents=True)
        shutil.copyfile(Path(os.environ["AIRFLOW_HOME"]) / "airflow.db", home / "airflow.db")
        more = {"AIRFLOW_HOME": str(home), "LAKE": self.lake.url, "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
        self._environment = {**os.environ, **environment, **more}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start the process; again after a kill, with all that the one before it left."""
        self.process = subprocess.Popen(
            [sys.executable, str(PROJECT / "bin" / "airflow_session")],
            env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0,
        )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL for the process and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def begin(self, dag_id: str, **form: object) -> None:
        """Begin ``airflow dags test``; the features, which know nothing of sources, are taken for made."""
        command = [
            "dags",
            "test",
            dag_id,
            "--conf",
            json.dumps(form),
            "--mark-success-pattern",
            "build_features|check_features|store_snapshots",
        ]
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def end(self) -> Ran:
        """Wait for the end of what began."""
        said: list[str] = []
        for line in self.process.stdout or ():
            if line.startswith(_ENDED):
                return Ran(int(line.removeprefix(_ENDED)), "".join(said))
            said.append(line)
        return Ran(self.process.wait(), "".join(said))

    def run(self, dag_id: str, **form: object) -> Ran:
        """Begin, and wait for the end."""
        self.begin(dag_id, **form)
        return self.end()


def held(rows: list[Row], start: str, end: str) -> list[tuple[Any, ...]]:
    """The rows of a stand-in that open in the half-open interval, as the lake writes them."""
    return [tuple(row[:6]) for row in rows if _day(start) <= row[0] < _day(end)]  # type: ignore[operator]


def landed(lake: Lake, source: str, timeframe: str, symbol: str, start: str, end: str) -> list[tuple[Any, ...]]:
    """Rows that landed, in order of time; a doubled one stays doubled."""
    return _rows(read_landed(lake, source, timeframe, symbol, _day(start), _day(end)).rows.to_pylist())


def published(lake: Lake, dataset: str, source: str, symbol: str, start: str, end: str) -> list[tuple[Any, ...]]:
    """Rows of the months of a dataset, in order of time."""
    tables = [read_month(lake, dataset, month) for month in list_months(lake, dataset) if start[:7] <= month < end[:7]]
    rows = [row for table in tables if table is not None for row in table.to_pylist()]
    return _rows([row for row in rows if (row["symbol"], row["source"]) == (symbol, source)])


def _rows(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(tuple(row[name] for name in _COLUMNS) for row in rows)


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
