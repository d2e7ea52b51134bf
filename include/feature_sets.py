"""Feature sets: which one is current, what its columns mean, and the one way to read them.

A feature set is a folder of its own, so that a changed formula never mixes with the numbers of the old one. The pointer
``features/timeframe=<tf>/current.json`` names the set that is complete; it is replaced after the set's months are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import LakeError
from include.lake import Lake
from include.months import as_utc, month_end, month_start
from include.publish import list_months, read_month
from include.schemas import FEATURE_KEYS
from include.timeframes import timeframe_length

if TYPE_CHECKING:
    import pandas as pd  # workers that write features do not pay for it


@dataclass(frozen=True)
class FeatureFacts:
    """What a column of a feature set means.

    ``window`` counts bars, ``warm_up`` the leading bars without a value; a ``recursive`` feature remembers all bars since its
    start. ``unit`` is ``price`` where the value scales with the price; such values move when an instrument splits.
    """

    name: str
    category: str
    unit: str
    window: int
    warm_up: int
    recursive: bool
    inputs: tuple[str, ...]
    source: str
    description: str

    @property
    def needs_volume(self) -> bool:
        """Whether the feature is null for instruments that trade no volume."""
        return "volume" in self.inputs


@dataclass(frozen=True)
class FeatureSet:
    """A set of features; ``id`` changes whenever a name or a formula does, and with ``adjust_dividends``.

    ``adjust_dividends`` says whether prices before a dividend were lowered by what it paid out; for splits they always are.
    """

    id: str
    features: tuple[FeatureFacts, ...]
    adjust_dividends: bool = False

    @property
    def names(self) -> list[str]:
        """Names of the features, in the order of their columns."""
        return [feature.name for feature in self.features]

    @property
    def schema(self) -> pa.Schema:
        """Columns of a month: the keys, then one float32 a feature (null where there is no value)."""
        return pa.schema([*FEATURE_KEYS, *(pa.field(name, pa.float32()) for name in self.names)])


def write_current(lake: Lake, timeframe: str, feature_set: FeatureSet) -> None:
    """Make ``feature_set`` the one that readers take; the same set again changes no byte."""
    lake.write(_pointer(timeframe), (json.dumps(asdict(feature_set), indent=1) + "\n").encode())


def read_current(lake: Lake, timeframe: str) -> FeatureSet:
    """The feature set that readers take.

    Raises
    ------
    LakeError
        If no features were built yet, or the pointer is damaged.
    """
    path = f"{lake.url}/{_pointer(timeframe)}"
    try:
        raw = json.loads(lake.read(_pointer(timeframe)))
        features = tuple(FeatureFacts(**(facts | {"inputs": tuple(facts["inputs"])})) for facts in raw["features"])
        return FeatureSet(str(raw["id"]), features, raw["adjust_dividends"] is True)
    except FileNotFoundError:
        raise LakeError(f"{path} is not there: no {timeframe} features were built yet; run the DAG backfill_market") from None
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(f"{path} is damaged ({error!r}); delete it and run the DAG backfill_market") from error


def read_features(
    lake: Lake,
    timeframe: str,
    start: date | datetime | None = None,
    end: date | datetime | None = None,
    symbols: Iterable[str] | None = None,
    names: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Rows of the current feature set.

    Parameters
    ----------
    start, end
        Half-open UTC interval of bar openings; None leaves a side open.
    symbols
        None: all.
    names
        Features to read; None: all.

    Returns
    -------
    pandas.DataFrame
        ``symbol``, ``timestamp``, ``closed_at`` (UTC) and ``names`` (float32, NaN where there is no value), ordered by symbol
        and timestamp. Empty where nothing matches.

    Raises
    ------
    LakeError
        If no features were built yet, or a name is not in the set.
    """
    current = read_current(lake, timeframe)
    names = current.names if names is None else list(names)
    unknown = sorted(set(names) - set(current.names))
    if unknown:
        raise LakeError(f"features {', '.join(unknown)} are not in the current set {current.id}; it holds {', '.join(current.names)}")
    schema = pa.schema([*FEATURE_KEYS, *(pa.field(name, pa.float32()) for name in names)])
    wanted = None if symbols is None else pa.array(sorted(set(symbols)), pa.string())
    low, high = (None if moment is None else as_utc(moment) for moment in (start, end))
    dataset = lake.features(timeframe, current.id)
    tables = [schema.empty_table()]
    for month in list_months(lake, dataset):
        if (low is None or month_end(month) > low) and (high is None or month_start(month) < high):
            table = read_month(lake, dataset, month, schema.names)
            if table is not None:
                tables.append(_matching(table, wanted, low, high))
    frame: pd.DataFrame = pa.concat_tables(tables).sort_by([("symbol", "ascending"), ("timestamp", "ascending")]).to_pandas()
    return frame


def _matching(table: pa.Table, symbols: pa.Array | None, low: datetime | None, high: datetime | None) -> pa.Table:
    stamps = table["timestamp"]
    if symbols is not None:
        table = table.filter(pc.is_in(table["symbol"], symbols))
        stamps = table["timestamp"]
    if low is not None:
        table = table.filter(pc.greater_equal(stamps, pa.scalar(low, stamps.type)))
        stamps = table["timestamp"]
    if high is not None:
        table = table.filter(pc.less(stamps, pa.scalar(high, stamps.type)))
    return table


def _pointer(timeframe: str) -> str:
    timeframe_length(timeframe)  # an unknown timeframe is an error of the caller, not a missing file
    return f"features/timeframe={timeframe}/current.json"
