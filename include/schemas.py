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

#: Rows that a rule refused. ``source``, ``fetched_at`` and ``row`` name the landing file and the row's place in it, so that nothing is
#: lost even when the timestamp is.
QUARANTINE = pa.schema(
    [
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("timestamp", TIMESTAMP),
        *_PRICES,
        pa.field("source", pa.string(), nullable=False),
        pa.field("as_of", TIMESTAMP, nullable=False),
        pa.field("fetched_at", TIMESTAMP, nullable=False),
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

#: Classes of which a prediction can state the probability.
MOST_CLASSES = 5

#: One row a statement: what one version says of one label of one symbol, made from the bars closed by ``closed_at``.
#:
#: ``known_at`` is when it could first be acted upon; ``particulars`` (JSON) tells rows of one bar apart, as the strike of an option
#: does; ``line`` is ``model``, or the baseline that is served where the model has no edge over it. ``value`` is a number in the
#: label's unit, a probability, or the code of the likeliest class, then with ``outcome``, its name, and a probability a class in
#: ``p0`` and on. ``lower`` and ``upper`` bound the interval where the model states one. ``is_oos``: the outcome was not known when
#: the version was trained. Where ``refused`` gives a reason, nothing is stated.
PREDICTIONS = pa.schema(
    [
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),
        pa.field("closed_at", TIMESTAMP, nullable=False),
        pa.field("known_at", TIMESTAMP, nullable=False),
        pa.field("timeframe", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("particulars", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("lower", pa.float64()),
        pa.field("upper", pa.float64()),
        pa.field("outcome", pa.string()),
        *(pa.field(f"p{code}", pa.float64()) for code in range(MOST_CLASSES)),
        pa.field("refused", pa.string()),
        pa.field("line", pa.string(), nullable=False),
        pa.field("is_oos", pa.bool_(), nullable=False),
        pa.field("model_id", pa.string(), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("feature_set", pa.string(), nullable=False),
        pa.field("data_hash", pa.string(), nullable=False),
        pa.field("weights_hash", pa.string(), nullable=False),
        pa.field("universe", pa.string(), nullable=False),
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
