"""A mill of the chaos tests' own: a lake, a registry and a results database in one folder that can be copied, and killed."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.lake import Lake
from include.publish import list_months, read_month

#: Which version said something, and when a file was made, differ between equal runs; everything else must not.
_VOLATILE = {"fetched_at", "model_version"}
_DEPTHS = {"bars": 1, "quarantine": 1, "features": 2, "predictions": 1, "trades": 1}


class Zygote:
    """The process of :mod:`tests.chaos.zygote`."""

    def __init__(self) -> None:
        program = str(Path(__file__).with_name("zygote.py"))
        self.process = subprocess.Popen([sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def run(
        self, arguments: list[str], environment: Mapping[str, str], log: Path, kill_after: float | None, ahead: float
    ) -> tuple[int, float]:
        """Exit code (negative: killed) and seconds of one command."""
        asked = {"arguments": arguments, "environment": dict(environment), "log": str(log), "kill_after": kill_after, "ahead": ahead}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        return answer["code"], answer["seconds"]

    def close(self) -> None:
        """End it with its input."""
        self.process.stdin.close()
        self.process.wait(timeout=30)

    def _answer(self) -> dict[str, Any]:
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise AssertionError("the zygote has ended")


@dataclass(frozen=True)
class Stage:
    """One ``airflow dags test`` of the chain."""

    name: str
    arguments: tuple[str, ...]


class Mill:
    """All state lies below ``folder``."""

    def __init__(self, zygote: Zygote, folder: Path) -> None:
        self.zygote, self.folder = zygote, folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mlflow").mkdir(exist_ok=True)

    @property
    def lake(self) -> Lake:
        """The lake, opened anew."""
        return Lake(str(self.folder / "lake"))

    @property
    def log(self) -> str:
        """What all runs have said."""
        path = self.folder / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def copy(self, folder: Path) -> Mill:
        """A mill in the same state at another place. The registry knows its artifacts by their full path, so that is put right."""
        shutil.copytree(self.folder, folder)
        database = folder / "mlflow" / "mlflow.db"
        if database.exists():
            move_artifacts(database, str(self.folder), str(folder))
        return Mill(self.zygote, folder)

    def run(self, stage: Stage, kill_after: float | None = None, ahead: float = 0.0, **environment: str) -> tuple[int, float]:
        """Run a stage, or kill it after so many seconds, by a clock that is so many ahead; exit code and seconds."""
        own = {
            "LAKE": str(self.folder / "lake"),
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow' / 'mlflow.db'}",
            "RESULTS_URL": f"sqlite:///{self.folder / 'results.db'}",
        }
        return self.zygote.run(["dags", "test", *stage.arguments], own | environment, self.folder / "log", kill_after, ahead)

    def content(self) -> dict[str, str]:
        """Hash of the rows of each published month of each dataset, by its path."""
        return {
            f"{dataset}/{month}": _hash(self.lake, dataset, month)
            for dataset in self.datasets()
            for month in list_months(self.lake, dataset)
        }

    def datasets(self) -> list[str]:
        """Every dataset that is published by month."""
        lake, found = self.lake, []
        for root, depth in _DEPTHS.items():
            folders = [root]
            for _ in range(depth):
                folders = [f"{folder}/{name}" for folder in folders for name in lake.folders(folder)]
            found += folders
        return sorted(found)

    @contextmanager
    def read_meanwhile(self) -> Iterator[list[str]]:
        """Read every month again and again, as another program would; what could not be read goes into the list."""
        torn: list[str] = []
        ended = threading.Event()

        def read() -> None:
            while not ended.is_set():
                for dataset in self.datasets():
                    for month in list_months(self.lake, dataset)[-3:]:
                        try:
                            read_month(self.lake, dataset, month)
                        except Exception as error:  # noqa: BLE001 - whatever it is, a reader must not see it
                            torn.append(repr(error))
                time.sleep(0.2)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield torn
        finally:
            ended.set()
            reader.join()


def _hash(lake: Lake, dataset: str, month: str) -> str:
    table = read_month(lake, dataset, month)
    if table is None:
        return "empty"
    kept = table.select([name for name in table.column_names if name not in _VOLATILE])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, kept.schema) as stream:
        stream.write_table(kept.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


def move_artifacts(database: Path, before: str, after: str) -> None:
    """Let a registry name its artifacts, which it knows by their full path, below another folder."""
    import sqlite3

    with sqlite3.connect(database) as connection:
        for table, column in (
            ("experiments", "artifact_location"),
            ("runs", "artifact_uri"),
            ("model_versions", "source"),
            ("model_versions", "storage_location"),
        ):
            connection.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (before, after))
    connection.close()
