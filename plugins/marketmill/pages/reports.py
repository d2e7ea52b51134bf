"""Which reports there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from include.lake import Lake
from ml.report.runs import FOLDER

#: A list of more would not be read.
MOST_SHOWN = 100


@dataclass(frozen=True)
class Report:
    """The report of a run; ``run`` names its folder, ``path`` and ``quality`` are below the reports folder."""

    run: str
    made_at: datetime
    path: str
    quality: str | None

    @property
    def dag_id(self) -> str:
        """DAG whose run made it."""
        return self.run.partition("__")[0]


def list_reports(lake: Lake) -> list[Report]:
    """Find all, the newest first."""
    found = []
    for run in lake.folders(FOLDER):
        made_at = lake.modified_at(f"{FOLDER}/{run}/index.html")
        if made_at is not None and run != "data_docs":
            has_quality = lake.exists(f"{FOLDER}/{run}/quality.html")
            found.append(Report(run, made_at, f"{run}/index.html", f"{run}/quality.html" if has_quality else None))
    return sorted(found, key=lambda report: report.made_at, reverse=True)
