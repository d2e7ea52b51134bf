"""Pack what this version writes, for later ones to read: ``python -m tests.releases.make`` writes ``tests/releases/<version>.tar.xz``.

A lake of made bars with features, predictions and trades, the registry with its champion, and the results database, all by the DAGs.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
import tomllib
from pathlib import Path

import pandas as pd

from include.calendars import exchange_calendar
from include.publish import list_months, read_month
from include.results.address import parse_address
from include.results.engine import open_engine
from include.results.migrate import migrate
from tests.chaos.mill import Mill, Stage, Zygote
from tests.conftest import PROJECT
from tests.unit.spark_jobs.made_bars import ordinary

FOLDER = Path(__file__).parent
MODEL = "volatility_garch"
#: Beside the mill in the archive: where it was made (the registry names its artifacts by their full path), and what it holds.
ABOUT = "about.json"


def stages(csv_folder: Path) -> tuple[Stage, ...]:
    """The chain on made bars."""
    bars = {"universe": "sample", "source": "csv", "symbols": ["^GSPC"], "csv_folder": str(csv_folder)}
    span = {"start": "2015-06-01", "end": "2018-06-01"}
    forms = {
        "backfill_market": bars | span,
        "train_models": {"models": [MODEL], "universe": "sample"},
        "promote_models": {},
        "predict": {"models": [MODEL], "months": ["2018-04", "2018-05"]},
        "simulate_trades": {"rules": ["momentum"], "universe": "sample"},
    }
    return tuple(Stage(dag_id, (dag_id, "--conf", json.dumps(form))) for dag_id, form in forms.items())


def write_bars(folder: Path) -> None:
    """Three years of made bars as a CSV file."""
    days = exchange_calendar("XNYS").sessions_in_range("2015-06-01", "2018-05-31")
    frame = pd.DataFrame(ordinary(len(days)))
    folder.mkdir(parents=True)
    frame.assign(date=days.strftime("%Y-%m-%d")).to_csv(folder / "^GSPC.csv", index=False)


def counts(mill: Mill) -> dict[str, int]:
    """Rows of each published month."""
    lake = mill.lake
    return {f"{name}/{month}": read_month(lake, name, month).num_rows for name in mill.datasets() for month in list_months(lake, name)}


def main() -> None:
    """Run the chain in a folder of its own and pack it."""
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    subprocess.run(["airflow", "db", "migrate"], check=True, capture_output=True)  # of the tests' own home
    zygote = Zygote()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "mill")
        write_bars(folder / "csv")
        mill = Mill(zygote, folder)
        migrate(open_engine(parse_address(f"sqlite:///{folder / 'results.db'}", folder)))
        for stage in stages(folder / "csv"):
            code, _ = mill.run(stage)
            if code:
                raise SystemExit(mill.log[-4000:])
        zygote.close()
        (folder / "log").unlink()
        (folder / ABOUT).write_text(json.dumps({"folder": str(folder), "rows": counts(mill)}, indent=1) + "\n")
        with tarfile.open(FOLDER / f"{version}.tar.xz", "w:xz") as archive:
            archive.add(folder, "mill", filter=_anonymous)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if entry.name.startswith(("mill/lake/reports", "mill/lake/staging")) or entry.name.endswith(".lock"):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main()
