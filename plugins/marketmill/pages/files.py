"""Files of the lake's reports folder, and of no other."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from include.lake import Lake
from ml.report.runs import FOLDER

_STEP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~:+^=-]*")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


def read_report_file(lake: Lake, path: str) -> tuple[bytes, str] | None:
    """Content and media type of a file below the reports folder; None where there is none that may be shown.

    Each step of the path must be a plain name: nothing hidden, no ``..``, no other separator. In a folder lake the file must also
    lie there when all links are followed.
    """
    steps = path.split("/")
    media_type = _TYPES.get(PurePosixPath(steps[-1]).suffix)
    if media_type is None or not all(_STEP.fullmatch(step) for step in steps):
        return None
    if lake.is_local:
        folder = Path(lake.root, FOLDER).resolve()
        try:
            if not Path(folder, *steps).resolve(strict=True).is_relative_to(folder):
                return None
        except (OSError, RuntimeError):  # not there, or a circle of links
            return None
    try:
        return lake.read(f"{FOLDER}/{path}"), media_type
    except (FileNotFoundError, IsADirectoryError):
        return None
