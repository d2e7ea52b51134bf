"""The larger real sets that lie beside the project; tests that want them skip where they are absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def shared_data(*parts: str) -> Path:
    """Path of a file or folder of the shared data, for example ``shared_data("daily", "^VIX.csv")``.

    Skips the test, naming the path, where it is not there. ``MARKETMILL_SHARED_DATA`` names another place.
    """
    path = Path(os.environ.get("MARKETMILL_SHARED_DATA") or _BESIDE, *parts)
    if not path.exists():
        pytest.skip(f"{path} is not there; set MARKETMILL_SHARED_DATA to the folder of the shared data")
    return path
