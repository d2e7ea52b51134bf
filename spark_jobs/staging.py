"""What the job keeps for itself while it runs; nothing of it outlives the job, and what a killed one left is removed by the next."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from pyarrow import fs

from include.lake import Lake

#: On an object store nothing tells whether another job still needs a file, but after that time none does.
_FORGOTTEN = timedelta(days=2)


@contextmanager
def clean_staging(lake: Lake, timeframe: str) -> Iterator[None]:
    """Remove what was staged for the features of ``timeframe``, before and after; for who holds the lock on them."""
    folders = [f"staging/{kind}/timeframe={timeframe}" for kind in ("features", "history")]
    try:
        for folder in folders:
            _clear(lake, folder)
        yield
    finally:
        for folder in folders:
            _clear(lake, folder)


@contextmanager
def scratch_folder(lake: Lake, timeframe: str) -> Iterator[str]:
    """A new folder below the lake, for files that all workers see; removed at the end."""
    folder = f"staging/history/timeframe={timeframe}/{uuid.uuid4().hex}"
    lake.filesystem.create_dir(lake.full(folder), recursive=True)
    try:
        yield folder
    finally:
        lake.delete_folder(folder)


def _clear(lake: Lake, folder: str) -> None:
    if lake.is_local:
        lake.delete_folder(folder)
        return
    too_old = datetime.now(UTC) - _FORGOTTEN
    for info in lake.filesystem.get_file_info(fs.FileSelector(lake.full(folder), recursive=True, allow_not_found=True)):
        if info.type == fs.FileType.File and info.mtime is not None and info.mtime < too_old:
            lake.filesystem.delete_file(info.path)
