"""The page that says whether the champions still live in the world they learnt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from include.lake import Lake
from ml.drift.watch import Watched
from ml.drift.windows import FEWEST_WINDOWS, MOST_MONTHS, STRANGE
from ml.report.page import write_page
from ml.report.runs import report_path

#: Features beyond these are in the JSON only.
_MOST_FEATURES = 12


def publish_drift(lake: Lake, watched: Sequence[Watched], *, run: str) -> str:
    """Write the page of a run, and beside it ``drift.json`` with every figure; return the page's path below the lake's root."""
    path = report_path(run)
    figures = [asdict(found) | {"verdict": found.verdict, "drifted": found.drifted} for found in watched]
    # Figures that do not exist are null: NaN is no JSON.
    content = json.dumps(json.loads(json.dumps(figures), parse_constant=lambda _: None), indent=1)
    lake.write(f"{path.removesuffix('index.html')}drift.json", content.encode())
    shown = {
        "run": run,
        "made_at": datetime.now(UTC),
        "watched": watched,
        "most_features": _MOST_FEATURES,
        "most_months": MOST_MONTHS,
        "fewest_windows": FEWEST_WINDOWS,
        "strange": STRANGE,
    }
    write_page(lake, path, shown, "drift.html")
    return path
