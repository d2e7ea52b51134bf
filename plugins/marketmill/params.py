"""The fields of the DAGs' forms; each name means the same in every DAG. Empty fields take the value of the settings.

What can be no answer whatever the lake or a source holds is refused by the form. Names that a universe's file, the catalogue or a
source decides on are suggested, not enforced here: the task that reads them refuses a wrong one with a sentence.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from include.sources import SourceName
from include.symbols import SYMBOL_PATTERN
from include.timeframes import TIMEFRAMES
from include.universes import list_universes
from ml.catalog import CATALOG


def whole(pattern: str) -> str:
    """Pattern of a whole text. What follows the dollar is for Python, whose dollar would leave a line break unread."""
    return f"^(?:{pattern})$(?!\\n)"


_SYMBOL: dict[str, Any] = {"type": "string", "pattern": whole(SYMBOL_PATTERN), "maxLength": 32}
NAME = whole("[a-z][a-z0-9_]*")
_MONTH = {"type": "string", "pattern": whole("[0-9]{4}-(0[1-9]|1[0-2])")}
_DAY = {"type": "string", "pattern": whole("[0-9]{4}-[0-9]{2}-[0-9]{2}")}
#: A path is what the task makes of it; no control character is in one.
PATH = whole(r"[^\x00-\x1f]+")


def universe() -> Param:
    """Which instruments."""
    return Param(
        None,
        type=["null", "string"],
        pattern=NAME,
        title="Universe",
        examples=list_universes(),
        description="A file of include/config/universes; empty: the setting universe.",
    )


def source() -> Param:
    """Where bars come from."""
    return Param(
        None,
        type=["null", "string"],
        title="Source",
        enum=[None, *(name.value for name in SourceName)],
        values_display={"null": "as the settings say"},
        description="Where bars come from; empty: the setting source.",
    )


def symbols() -> Param:
    """Part of a universe."""
    return Param(
        [],
        type=["null", "array"],
        items=_SYMBOL,
        title="Symbols",
        description="One symbol a line, in capitals, for example AAPL or ^GSPC; empty: all of the universe.",
    )


def bars_wanted(start_of: str = "the years before the end") -> dict[str, Param]:
    """Bars that a form asks for: of which instruments, from where, of which time."""
    return {
        "universe": universe(),
        "source": source(),
        "start": start(start_of),
        "end": end(),
        "force": force_fetch(),
        "csv_folder": csv_folder(),
    }


def request_limits() -> dict[str, Param]:
    """How a form limits what its run asks of a source."""
    return {"max_snapshots": max_snapshots(), "snapshot_interval": snapshot_interval(), "ibkr_client_id": ibkr_client_id()}


def option_symbols() -> Param:
    """Underlyings of options."""
    return Param(
        ["SPY"],
        type="array",
        items=_SYMBOL,
        minItems=1,
        title="Symbols",
        description="One symbol with options a line, for example SPY or AAPL.",
    )


def expiries() -> Param:
    """Which chains."""
    return Param(
        [],
        type=["null", "array"],
        items=_DAY,
        title="Expiries",
        description="One expiry a line, for example 2027-01-15; empty: all that are listed.",
    )


def max_snapshots() -> Param:
    """Most requests of the run."""
    return Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Most requests",
        description="The run stops with what it has after so many; the same again goes on. Empty: what the source's own limits let "
        "through, for IBKR at most the setting training_max_snapshots where it is set, else 50 option chains and any number of bars.",
    )


def snapshot_interval() -> Param:
    """Least time between requests."""
    return Param(
        None,
        type=["null", "number"],
        minimum=0,
        maximum=3600,
        title="Seconds between requests",
        description="At least; empty: for IBKR the setting training_snapshot_interval, else what the source's own limits want.",
    )


def ibkr_client_id() -> Param:
    """Client id at IBKR."""
    return Param(
        None,
        type=["null", "integer"],
        minimum=1,
        maximum=2_000_000_000,
        title="IBKR client id",
        description="Taken first, then the ids after it; empty: that of ibkr_default, else the setting training_client_id.",
    )


def start(of: str = "the years before the end") -> Param:
    """First day."""
    return Param(None, type=["null", "string"], format="date", title="Start", description=f"First day; empty: {of}.")


def end(of: str = "the end of the source's last month, never the month that is not over") -> Param:
    """Day after the last."""
    return Param(None, type=["null", "string"], format="date", title="End", description=f"First day not wanted; empty: {of}.")


def years() -> Param:
    """Length of the history."""
    return Param(
        10, type="integer", minimum=1, maximum=100, title="Years (1 to 100)", description="How far back, where start and days are empty."
    )


def days() -> Param:
    """Length of the history."""
    return Param(None, type=["null", "integer"], minimum=1, maximum=36525, title="Days", description="How far back, instead of years.")


def timeframe() -> Param:
    """Bar size."""
    return Param("1d", type="string", enum=list(TIMEFRAMES), title="Timeframe", description="Size of a bar.")


def target() -> Param:
    """What is to be forecast."""
    return Param("^IXIC", **_SYMBOL, title="Target", examples=["AAPL", "JPM", "^IXIC"], description="Symbol to forecast.")


def peers() -> Param:
    """What it is forecast from."""
    return Param(
        ["^GSPC"],
        type="array",
        items=_SYMBOL,
        minItems=1,
        title="Peers",
        description="One symbol a line, for example ^GSPC; any symbol of the source, in a universe or not.",
    )


def horizon() -> Param:
    """How far."""
    return Param(5, type="integer", minimum=1, maximum=250, title="Horizon", description="Sessions ahead.")


def csv_folder() -> Param:
    """Folder of the source csv."""
    return Param(
        None,
        type=["null", "string"],
        pattern=PATH,
        title="Folder of CSV files",
        description="For the source csv: one file per symbol, for example AAPL.csv with date,open,high,low,close,volume.",
    )


def force_fetch() -> Param:
    """Fetch again."""
    return Param(False, type="boolean", title="Force", description="Fetch again what has landed already; nothing landed is lost.")


def models() -> Param:
    """Which models."""
    return Param(
        [],
        type=["null", "array"],
        items={"type": "string", "pattern": NAME},
        examples=list(CATALOG),
        title="Models",
        description="Ids of the catalogue; empty: all.",
    )


def seed() -> Param:
    """Seed of everything random."""
    return Param(None, type=["null", "integer"], minimum=0, title="Seed", description="Empty: the setting seed.")


def force_training() -> Param:
    """Train again."""
    return Param(False, type="boolean", title="Force", description="Train even where exactly this was trained before.")


def months() -> Param:
    """Months that changed."""
    return Param(
        [],
        type=["null", "array"],
        items=_MONTH,
        title="Months",
        description="Months that changed, one a line, for example 2018-05; a run started by an event knows them. Empty: not known.",
    )


def model() -> Param:
    """Which model."""
    return Param(
        None,
        type=["null", "string"],
        pattern=NAME,
        title="Model",
        examples=list(CATALOG),
        description="One id of the catalogue; empty: all that have a challenger.",
    )


def version() -> Param:
    """Which version of it."""
    return Param(
        None,
        type=["null", "string"],
        pattern=whole("[1-9][0-9]*"),
        title="Version",
        description="Of the model above, for example 3; empty: its challenger.",
    )


def action() -> Param:
    """What to do with it."""
    return Param(
        "promote",
        type="string",
        enum=["promote", "demote"],
        title="Action",
        description="Promote: through the gate. Demote: give the model above back to the champion before.",
    )


def require_approval() -> Param:
    """Ask a human."""
    return Param(False, type="boolean", title="Require approval", description="Wait for a human; REQUIRE_APPROVAL makes all runs wait.")


def continue_boosting() -> Param:
    """Go on instead of training anew."""
    return Param(
        False,
        type="boolean",
        title="Continue boosting",
        description="Go on from the champion's trees on what became known since. It learns the newest fast and forgets the old: the card "
        "measures both, and the gate decides.",
    )


def learnt_timeframe() -> Param:
    """Bar size of what is learnt from; an event tells it."""
    return Param(
        None,
        type=["null", "string"],
        enum=[None, *TIMEFRAMES],
        values_display={"null": "as the event says"},
        title="Timeframe",
        description="Size of a bar; empty: what the event tells, else 1d.",
    )
