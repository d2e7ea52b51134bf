"""The forecast of one target from its peers: what to fetch for it, and the forecast itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from include.assets import REPORT
from marketmill.events import chosen
from marketmill.links import ReportLink
from marketmill.operators.base import MillOperator, run_name
from marketmill.operators.fetch import PlanFetchOperator
from marketmill.window import Wish, parse_day

if TYPE_CHECKING:
    from ml.report.industry import Question

#: Bars before the first day of interest, so that its forecasts come from a model that was trained before it.
_BEFORE = timedelta(days=3 * 366)
_YEARS = 10


class PlanForecastOperator(PlanFetchOperator):
    """Turn the form of a forecast into batches: the target and its peers, from three years before the start."""

    def symbols(self, params: Mapping[str, Any]) -> list[str]:
        """Target and peers."""
        return [params["target"], *params["peers"]]

    def wish(self, params: Mapping[str, Any]) -> Wish:
        """Time to fetch."""
        start = _history(params)
        return Wish(f"{start:%Y-%m-%d}" if start else None, params.get("end"), _YEARS)

    def work(self, context: Context) -> list[dict[str, Any]]:
        """Check the question before anything is asked for."""
        question(context)
        return super().work(context)


class ForecastIndustryOperator(MillOperator):
    """Train, judge and publish the forecast. Returns ``report`` (path below the lake's root), ``model`` and ``version``."""

    operator_extra_links = (ReportLink(),)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[REPORT], **kwargs)

    def work(self, context: Context) -> dict[str, str]:
        """Forecast from what the lake holds."""
        from include.settings import open_lake, settings
        from ml.report.industry import forecast_industry

        seed = context["params"].get("seed")
        forecast = forecast_industry(
            open_lake(), question(context), run=run_name(context), seed=settings().seed if seed is None else int(seed)
        )
        context["outlet_events"][REPORT].extra = {"path": forecast["report"], "months": []}
        return forecast


def question(context: Context) -> Question:
    """What the form asks.

    Raises
    ------
    ConfigurationError
        If it makes no sense; the message says what to change.
    """
    from ml.report.industry import Question

    params = context["params"]
    return Question(
        target=params["target"],
        peers=tuple(params["peers"]),
        horizon=int(params["horizon"]),
        universe=chosen(context, "universe"),
        source=chosen(context, "source"),
        start=_history(params),
        end=parse_day("end", params["end"]) if params.get("end") else None,
    )


def _history(params: Mapping[str, Any]) -> datetime | None:
    return parse_day("start", params["start"]) - _BEFORE if params.get("start") else None
