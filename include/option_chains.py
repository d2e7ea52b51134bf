"""Option chains: one immutable file a symbol, expiry and fetch; they accumulate and are never changed or deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.errors import ConfigurationError, LakeError
from include.lake import Lake, parquet_bytes
from include.schemas import TIMESTAMP, conform

#: One option a row, as its source showed it at the fetch. ``right`` is ``call`` or ``put``; prices are per share of the underlying,
#: ``multiplier`` shares a contract; ``implied_volatility`` is a yearly fraction; ``delayed`` marks quotes that are not live.
OPTION_CHAIN = pa.schema(
    [
        pa.field("expiry", pa.date32(), nullable=False),
        pa.field("strike", pa.float64(), nullable=False),
        pa.field("right", pa.string(), nullable=False),
        pa.field("contract", pa.string(), nullable=False),
        pa.field("bid", pa.float64()),
        pa.field("ask", pa.float64()),
        pa.field("last", pa.float64()),
        pa.field("last_trade", TIMESTAMP),
        pa.field("volume", pa.float64()),
        pa.field("open_interest", pa.float64()),
        pa.field("implied_volatility", pa.float64()),
        pa.field("delta", pa.float64()),
        pa.field("gamma", pa.float64()),
        pa.field("vega", pa.float64()),
        pa.field("theta", pa.float64()),
        pa.field("underlying_price", pa.float64()),
        pa.field("multiplier", pa.float64()),
        pa.field("currency", pa.string()),
        pa.field("delayed", pa.bool_(), nullable=False),
    ]
)

_METADATA_KEY = b"marketmill"
_STAMP = "%Y%m%dT%H%M%S%fZ"
_SUFFIX = ".parquet"
_REMEDY = "bring it back from a copy"
_RIGHTS = pa.array(["call", "put"])


@dataclass(frozen=True)
class LandedChain:
    """What a file of one chain says about itself; ``fetched_at`` may come in any zone and is held in UTC.

    Raises
    ------
    LakeError
        If ``fetched_at`` has no zone.
    """

    source: str
    symbol: str
    expiry: date
    fetched_at: datetime

    def __post_init__(self) -> None:
        """Hold the time in UTC, so that names of files sort by time."""
        if self.fetched_at.tzinfo is None:
            raise LakeError(f"option chain of {self.symbol} from {self.source}: fetched_at {self.fetched_at} has no time zone")
        object.__setattr__(self, "fetched_at", self.fetched_at.astimezone(UTC))

    @property
    def path(self) -> str:
        """Place of the file below the lake's root."""
        return f"{Lake.option_chains(self.source, self.symbol)}/{self.fetched_at.strftime(_STAMP)}{_SUFFIX}"


def write_chain(lake: Lake, chain: LandedChain, rows: pa.Table) -> str:
    """Store one chain (schema :data:`OPTION_CHAIN`, at least one row, in the source's order) and return its path.

    Raises
    ------
    LakeError
        If the rows do not fit the schema or the expiry, there are none, or a file of that instant is there already.
    """
    what = f"option chain of {chain.symbol} from {chain.source}, expiry {chain.expiry}"
    table = conform(rows, OPTION_CHAIN, what)
    if not table.num_rows:
        raise LakeError(f"{what}: holds no option")
    fits = [pc.equal(table["expiry"], pa.scalar(chain.expiry)), pc.is_in(table["right"], _RIGHTS), pc.greater(table["strike"], 0)]
    if not all(pc.all(column).as_py() for column in fits):
        raise LakeError(f"{what}: a row has another expiry, a right that is neither call nor put, or a strike that is not positive")
    if lake.exists(chain.path):
        raise LakeError(f"{lake.url}/{chain.path} exists already; option chains are never rewritten")
    facts = {
        "source": chain.source,
        "symbol": chain.symbol,
        "expiry": chain.expiry.isoformat(),
        "fetched_at": chain.fetched_at.isoformat(),
    }
    lake.write(chain.path, parquet_bytes(table.replace_schema_metadata({_METADATA_KEY: json.dumps(facts)})))
    return chain.path


def list_chains(lake: Lake, source: str, symbol: str, since: datetime | None = None) -> list[LandedChain]:
    """Chains held of a symbol, oldest fetch first; only those fetched at ``since`` (aware) or later, where given.

    Raises
    ------
    LakeError
        If a file is no option chain.
    """
    earliest = "" if since is None else since.astimezone(UTC).strftime(_STAMP)
    return sorted(_newest_first(lake, source, symbol, earliest), key=lambda chain: chain.fetched_at)


def find_chain(lake: Lake, source: str, symbol: str, expiry: date) -> LandedChain | None:
    """The newest chain held of a symbol and expiry, or None."""
    return next((chain for chain in _newest_first(lake, source, symbol) if chain.expiry == expiry), None)


def read_chain(lake: Lake, chain: LandedChain) -> pa.Table:
    """Rows of a chain, with the columns ``symbol``, ``source`` and ``fetched_at`` before those of :data:`OPTION_CHAIN`.

    Raises
    ------
    LakeError
        If the file is damaged.
    """
    table = conform(lake.read_table(chain.path), OPTION_CHAIN, f"{lake.url}/{chain.path}")
    count = table.num_rows
    return (
        table.add_column(0, "symbol", pa.array([chain.symbol] * count, pa.string()))
        .add_column(1, "source", pa.array([chain.source] * count, pa.string()))
        .add_column(2, "fetched_at", pa.array([chain.fetched_at] * count, TIMESTAMP))
    )


def _newest_first(lake: Lake, source: str, symbol: str, earliest: str = "") -> Iterator[LandedChain]:
    folder = Lake.option_chains(source, symbol)
    for name in reversed(lake.files(folder)):
        if name.endswith(_SUFFIX) and name.removesuffix(_SUFFIX) >= earliest:
            yield _describe(lake, f"{folder}/{name}")


def _describe(lake: Lake, path: str) -> LandedChain:
    try:
        with lake.filesystem.open_input_file(lake.full(path)) as stream:
            facts = json.loads((pq.read_schema(stream).metadata or {})[_METADATA_KEY])
        chain = LandedChain(
            source=facts["source"],
            symbol=facts["symbol"],
            expiry=date.fromisoformat(facts["expiry"]),
            fetched_at=datetime.fromisoformat(facts["fetched_at"]),
        )
        said = chain.path
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, AttributeError, LakeError, ConfigurationError) as error:
        raise LakeError(f"{lake.url}/{path} is not an option chain ({error}); it was changed from outside: {_REMEDY}") from error
    if said != path:
        raise LakeError(f"{lake.url}/{path} says that it is {said}; it was moved from outside: {_REMEDY}")
    return chain
