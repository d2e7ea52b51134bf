"""Arrow schemas of the lake's datasets; a table that does not fit is refused before it is written."""

from __future__ import annotations

import pyarrow as pa

from include.errors import LakeError

TIMESTAMP = pa.timestamp("us", tz="UTC")

_PRICES = [
    pa.field("open", pa.float64()),
    pa.field("high", pa.float64()),
    pa.field("low", pa.float64()),
    pa.field("close", pa.float64()),
    pa.field("volume", pa.float64()),
    pa.field("adjusted_close", pa.float64()),
]

#: One answer of a source, as it came; ``timestamp`` is the bar's opening (daily bars: midnight UTC of the session's date).
LANDING = pa.schema([pa.field("timestamp", TIMESTAMP, nullable=False), *_PRICES])

#: One row per symbol and timestamp that passed the checks. ``closed_at`` is when the bar was known;
#: ``adjustment`` and ``as_of`` say on which price scale the source gave it; ``flags`` holds comma-separated warnings.
BARS = pa.schema(
    [
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),
        pa.field("closed_at", TIMESTAMP, nullable=False),
        *_PRICES,
        pa.field("source", pa.string(), nullable=False),
        pa.field("adjustment", pa.string(), nullable=False),
        pa.field("as_of", TIMESTAMP, nullable=False),
        pa.field("flags", pa.string()),
    ]
)

#: Rows that a rule refused; ``row`` is the row's place in its landing file, so that nothing is lost even when the timestamp is.
QUARANTINE = pa.schema(
    [
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("timestamp", TIMESTAMP),
        *_PRICES,
        pa.field("source", pa.string(), nullable=False),
        pa.field("as_of", TIMESTAMP, nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)

#: Splits (``value`` = new shares per old share) and cash dividends (``value`` = currency units per share, as paid).
ACTIONS = pa.schema(
    [
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("date", TIMESTAMP, nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("fetched_at", TIMESTAMP, nullable=False),
    ]
)

#: Keys of a feature row; the registry's names follow as float32.
FEATURE_KEYS = pa.schema(
    [
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),
        pa.field("closed_at", TIMESTAMP, nullable=False),
    ]
)


def conform(table: pa.Table, schema: pa.Schema, what: str) -> pa.Table:
    """Return ``table`` with exactly the columns and types of ``schema`` and no metadata.

    Raises
    ------
    LakeError
        If a column is missing, unknown, of another type, or null where the schema forbids it.
    """
    missing = [name for name in schema.names if name not in table.column_names]
    unknown = [name for name in table.column_names if name not in schema.names]
    if missing or unknown:
        raise LakeError(f"{what}: missing columns {missing}, unknown columns {unknown}")
    try:
        fitted = table.select(schema.names).cast(schema).replace_schema_metadata(None)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise LakeError(f"{what}: {error}") from error
    for field in schema:
        if not field.nullable and fitted[field.name].null_count:
            raise LakeError(f"{what}: column {field.name} holds {fitted[field.name].null_count} nulls")
    return fitted
