"""What one run hands to the next: of each symbol its last bars, and what its features remember of those before.

With it a new month is made of the month before and itself instead of all months, with the same bytes. It is kept as of the end of the
last month but one, so that the last can be built again, under the identity of all that it was made of (bars, splits, formulas,
buckets): where one of these changed, nothing is found, and features are made from the first bar on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.errors import LakeError
from include.lake import Lake
from include.schemas import BARS
from spark_jobs.features.compiling import Series
from spark_jobs.history import History
from spark_jobs.plan import FeaturePlan

_REGISTERS = b"registers"


@dataclass(frozen=True)
class Carried:
    """What a run took along: the month at whose end, the folder, and in it a file for each bucket (paths below the lake)."""

    month: str
    folder: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Reach:
    """How many bars of a symbol are kept, and from which of them on its features remember."""

    kept: int
    start: int

    def split(self, bars: int) -> tuple[int, int]:
        """Of so many bars the first that is kept, and the one before which registers are taken down."""
        if bars < self.kept:
            return 0, 0  # all of them, and nothing came before
        return bars - self.kept, bars - self.kept + self.start


def find_carried(lake: Lake, plan: FeaturePlan, first: str) -> Carried | None:
    """What can be taken along to build the months from ``first`` on; None where nothing fits."""
    folder = _folder(plan)
    identities = {plan.inputs[month]: month for month in plan.months if month < first}
    for identity in lake.folders(folder):
        if identity in identities:
            files = {name[: len("bucket-000")]: f"{folder}/{identity}/{name}" for name in lake.files(f"{folder}/{identity}")}
            if len(files) == plan.buckets:
                return Carried(identities[identity], f"{folder}/{identity}", tuple(files[name] for name in sorted(files)))
    return None


def folder_to_carry(plan: FeaturePlan, last: str) -> str | None:
    """Where a run whose last month is ``last`` leaves what the next can take along; None where that is no use."""
    if len(plan.months) < 2 or last != plan.months[-1] or plan.dividends:  # a dividend's factor is made of a close before it
        return None
    return f"{_folder(plan)}/{plan.inputs[plan.months[-2]]}"


def drop_stale(lake: Lake, plan: FeaturePlan) -> None:
    """Remove what no run of this plan takes along."""
    wanted = folder_to_carry(plan, plan.months[-1]) if plan.months else None
    for identity in lake.folders(_folder(plan)):
        if f"{_folder(plan)}/{identity}" != wanted:
            lake.delete_folder(f"{_folder(plan)}/{identity}")


def write_carried(
    lake: Lake, folder: str, bucket: int, history: History, rows: npt.NDArray[np.int64], registers: Mapping[str, Series]
) -> None:
    """Leave ``rows`` of the history, in its order, and the registers of their symbols."""
    numbers = np.searchsorted(history.bounds, rows, side="right") - 1
    symbols, codes = np.unique(numbers, return_inverse=True)
    names = [history.symbols[number] for number in symbols]
    columns = {"symbol": pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names, pa.string()))}
    for name, column in history.columns.items():
        columns[name] = pa.array(column[rows]).cast(BARS.field(name).type)
    held = np.array([registers[name] for name in names])
    table = pa.table(columns).replace_schema_metadata({_REGISTERS: held.tobytes()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    data = sink.getvalue()
    lake.write(f"{folder}/bucket-{bucket:03d}-{hashlib.sha256(data).hexdigest()[:16]}.arrow", data)


def read_carried(lake: Lake, path: str) -> tuple[pa.Table, Mapping[str, Series]]:
    """Rows of bars (times as numbers of the lake's schema), and the registers of each of their symbols.

    Raises
    ------
    LakeError
        If the file is not as it was written.
    """
    data = lake.read(path)
    if hashlib.sha256(data).hexdigest()[:16] != path.removesuffix(".arrow")[-16:]:
        folder = path.rpartition("/")[0]
        raise LakeError(f"{lake.url}/{path} is damaged; delete the folder {lake.url}/{folder} and build again")
    table = pa.ipc.open_file(pa.py_buffer(data)).read_all()
    names = table["symbol"].chunk(0).dictionary.to_pylist() if table.num_rows else []
    held = np.frombuffer(table.schema.metadata[_REGISTERS], np.float64)
    return table, dict(zip(names, held.reshape(len(names), -1), strict=True)) if names else {}


def _folder(plan: FeaturePlan) -> str:
    return f"carried/timeframe={plan.timeframe}/set={plan.feature_set}"
