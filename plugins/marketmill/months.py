"""The months that a run is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from include.months import last_complete_month, months_between, parse_month
from marketmill.events import triggering_extras


def changed_months(context: Mapping[str, Any]) -> list[str] | None:
    """Months that a consumer of assets is to handle, in order, each once; None where nobody names any.

    Those that any of the triggering events names in ``extra["months"]``; else the param ``months`` (a form, the API, or
    ``airflow dags test``, where there are no events).

    Raises
    ------
    ConfigurationError
        If an event or the param names something that is no month.
    """
    named = [month for extra in triggering_extras(context) for month in extra.get("months") or []]
    named = named or (context.get("params") or {}).get("months") or []
    return sorted({parse_month(month) for month in named}) or None


def target_months(context: Mapping[str, Any]) -> list[str]:
    """Months that a run is about: :func:`changed_months`, else those of its data interval.

    An empty interval, as of a bare cron, stands for the month it lies in. A run without any date is about the last month that
    had ended when it was due.
    """
    if changed := changed_months(context):
        return changed
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or end is None:
        return [last_complete_month(context["dag_run"].run_after)]
    return months_between(start, max(end, start + timedelta(microseconds=1)))
