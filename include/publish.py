"""Publish a month: the one way in which a month of a dataset changes.

A month is a folder of Parquet parts and a manifest. Parts are staged elsewhere under the hash of their content, moved in, and
become the month in the instant the manifest is replaced; parts that it no longer names are then removed. A reader goes by the
manifest and so sees the old month or the new one. Equal content gives equal bytes and equal names, so publishing twice changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

from include.errors import LakeError
from include.lake import Lake, parquet_bytes
from include.months import parse_month

_MANIFEST = "_manifest.json"
_ATTEMPTS = 5
_REMEDY = "delete the month's folder and build the month again"


@dataclass(frozen=True)
class Part:
    """One Parquet file of a month; its name carries the start of its content's SHA-256."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a month holds. ``inputs`` identifies what it was made from; ``content`` is the hash over its parts."""

    parts: tuple[Part, ...]
    inputs: str = ""

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(part.rows for part in self.parts)

    @property
    def content(self) -> str:
        """SHA-256 over the parts; equal content, equal hash, whatever the time or machine."""
        return hashlib.sha256("".join(sorted(part.sha256 for part in self.parts)).encode()).hexdigest()


@dataclass(frozen=True)
class Published:
    """The month after publishing, and whether its content changed."""

    month: str
    rows: int
    content: str
    changed: bool


def month_folder(dataset: str, month: str) -> str:
    """Path of a month, relative to the lake."""
    return f"{dataset}/month={parse_month(month)}"


def list_months(lake: Lake, dataset: str) -> list[str]:
    """Keys of the published months, in order."""
    months = [name.removeprefix("month=") for name in lake.folders(dataset) if name.startswith("month=")]
    return [month for month in months if read_manifest(lake, dataset, month) is not None]


def read_manifest(lake: Lake, dataset: str, month: str) -> Manifest | None:
    """Manifest of a month, or None where the month was never published.

    Raises
    ------
    LakeError
        If the file is there and is no manifest.
    """
    path = f"{month_folder(dataset, month)}/{_MANIFEST}"
    try:
        raw = json.loads(lake.read(path))
        return Manifest(tuple(Part(**part) for part in raw["parts"]), raw["inputs"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(f"{lake.url}/{path} is damaged ({error}); {_REMEDY}") from error


def read_month(lake: Lake, dataset: str, month: str, columns: list[str] | None = None) -> pa.Table | None:
    """All rows of a month, or None where it was never published or holds none.

    A month that is replaced while it is read is read again, so the answer is always one published state.

    Raises
    ------
    LakeError
        If a part that the manifest names is missing or unreadable.
    """
    folder = month_folder(dataset, month)
    for _ in range(_ATTEMPTS):
        manifest = read_manifest(lake, dataset, month)
        if manifest is None:
            return None
        try:
            tables = [lake.read_table(f"{folder}/{part.name}", columns) for part in manifest.parts]
        except (FileNotFoundError, LakeError) as error:
            # Parts go once the manifest no longer names them; in an object store even while they are being read.
            if read_manifest(lake, dataset, month) != manifest:
                continue
            if isinstance(error, FileNotFoundError):
                break
            raise LakeError(f"{error}; {_REMEDY}") from error
        return pa.concat_tables(tables) if tables else None
    raise LakeError(f"{lake.url}/{folder} names parts that are not there; {_REMEDY}")


def stage_part(lake: Lake, dataset: str, month: str, bucket: str, table: pa.Table, *, compression: str = "zstd") -> Part:
    """Write one part where no reader looks; :func:`commit_month` makes it visible.

    ``bucket`` tells the parts of a month apart (one part a bucket). A part that is staged or published already is not written again.
    """
    data = parquet_bytes(table, compression=compression)
    digest = hashlib.sha256(data).hexdigest()
    part = Part(f"{bucket}-{digest[:16]}.parquet", table.num_rows, digest)
    if not lake.exists(_staged(dataset, month, part)) and not lake.exists(f"{month_folder(dataset, month)}/{part.name}"):
        lake.write(_staged(dataset, month, part), data)
    return part


def commit_month(lake: Lake, dataset: str, month: str, parts: Sequence[Part], *, inputs: str = "") -> Published:
    """Make the staged ``parts`` the month, replacing all it held.

    Raises
    ------
    LakeError
        If a part was neither staged nor published.
    """
    with lake.lock(month_folder(dataset, month)):
        return _commit(lake, dataset, month, parts, inputs)


def publish_month(
    lake: Lake,
    dataset: str,
    month: str,
    merge: Callable[[pa.Table | None], pa.Table],
    *,
    inputs: str = "",
) -> Published:
    """Replace a month of one part by ``merge(what it holds now)``, with no other publisher in between.

    An empty table empties the month: the manifest stays and names no part.
    """
    with lake.lock(month_folder(dataset, month)):
        table = merge(read_month(lake, dataset, month))
        parts = [stage_part(lake, dataset, month, "part", table)] if table.num_rows else []
        return _commit(lake, dataset, month, parts, inputs)


def dataset_content(lake: Lake, dataset: str, months: Sequence[str]) -> Mapping[str, str]:
    """Content hash of each published month among ``months``."""
    manifests = {month: read_manifest(lake, dataset, month) for month in months}
    return {month: manifest.content for month, manifest in manifests.items() if manifest is not None}


def _commit(lake: Lake, dataset: str, month: str, parts: Sequence[Part], inputs: str) -> Published:
    folder = month_folder(dataset, month)
    before = read_manifest(lake, dataset, month)
    manifest = Manifest(tuple(sorted(parts, key=lambda part: part.name)), inputs)
    for part in manifest.parts:
        _move_in(lake, dataset, month, part)
    if manifest != before:
        content = json.dumps(asdict(manifest), indent=1, sort_keys=True)
        lake.write(f"{folder}/{_MANIFEST}", content.encode())
    live = {part.name for part in manifest.parts} | {_MANIFEST}
    for name in lake.files(folder):
        if name not in live:
            lake.delete(f"{folder}/{name}")
    lake.delete_unfinished(folder)
    changed = before is None or before.content != manifest.content
    return Published(month, manifest.rows, manifest.content, changed)


def _move_in(lake: Lake, dataset: str, month: str, part: Part) -> None:
    final = f"{month_folder(dataset, month)}/{part.name}"
    if lake.exists(final):
        lake.delete(_staged(dataset, month, part))
        return
    try:
        lake.move(_staged(dataset, month, part), final)
    except FileNotFoundError as error:
        if not lake.exists(final):
            raise LakeError(f"{lake.url}/{final} was never staged; run the task that writes it again") from error


def _staged(dataset: str, month: str, part: Part) -> str:
    return f"staging/{month_folder(dataset, month)}/{part.name}"
