"""The source of a run, as its form asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from include.sources import SourceName
from marketmill.operators.base import run_name

if TYPE_CHECKING:
    from marketmill.hooks.base import BarsHook
    from marketmill.quota.spending import Quota


def open_asked(context: Mapping[str, Any], source: SourceName, *, csv_folder: str | None = None, ibkr_most: int | None = None) -> BarsHook:
    """Make the hook of a source that keeps to ``max_snapshots``, ``snapshot_interval`` and ``ibkr_client_id`` of the form.

    All tasks and tries of a run share one count of requests. A form without ``max_snapshots`` sets no limit of its own; one that
    leaves it empty means, for IBKR, the limit of the settings or else ``ibkr_most`` (None: the pacing rules alone, so that a backfill
    left alone comes to its end).

    Raises
    ------
    ConfigurationError, QuotaError
        If something that the source needs was not given, or a field cannot be kept to.
    ResultsError
        If the ledger of requests cannot be reached.
    """
    from marketmill.sources import open_source

    client_id = context["params"].get("ibkr_client_id")
    return open_source(source, csv_folder=csv_folder, quota=_quota(context, source, ibkr_most), client_id=client_id)


def _quota(context: Mapping[str, Any], source: SourceName, ibkr_most: int | None) -> Quota | None:
    """What the run may ask; None: what the source's own limits let through."""
    from include.settings import settings
    from marketmill.quota.ledger import open_ledger
    from marketmill.quota.requests import Job
    from marketmill.quota.spending import Quota

    form = context["params"]
    most, interval = form.get("max_snapshots"), form.get("snapshot_interval")
    if source is SourceName.IBKR and most is None and "max_snapshots" in form:
        most = settings().training_max_snapshots or ibkr_most
    if source in {SourceName.SAMPLE, SourceName.CSV} or (most is None and interval is None):
        return None
    if source is SourceName.IBKR and interval is None:
        interval = settings().training_snapshot_interval
    job = None if most is None else Job(run_name(context), int(most))
    return Quota(open_ledger(), source.value, job=job, interval=float(interval or 0))
