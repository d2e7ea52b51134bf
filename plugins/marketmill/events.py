"""What the asset events that started a run say; see docs/adr/0001."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def triggering_extras(context: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the ``extra`` of each event that started the run; none for any other run."""
    for events in (context.get("triggering_asset_events") or {}).values():
        for event in events:
            yield event.extra or {}


def chosen(context: Mapping[str, Any], name: str) -> str:
    """Value of ``universe`` or ``source`` for a run: the form's, else what all events agree on, else the settings'."""
    from include.settings import settings

    return _agreed(context, name) or str(getattr(settings(), name))


def chosen_timeframe(context: Mapping[str, Any]) -> str:
    """Bars that a run is about: the form's, else what all events agree on, else daily ones."""
    return _agreed(context, "timeframe") or "1d"


def _agreed(context: Mapping[str, Any], name: str) -> str | None:
    if asked := (context.get("params") or {}).get(name):
        return str(asked)
    told = {extra.get(name) for extra in triggering_extras(context)}
    agreed = told.pop() if len(told) == 1 else None
    return str(agreed) if agreed else None
