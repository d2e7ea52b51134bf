"""Train models, and publish the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from include import assets
from include.assets import MODEL, REPORT
from include.errors import InsufficientDataError, UnsuitableError
from marketmill.events import chosen, chosen_timeframe
from marketmill.links import MlflowLink, ModelLink, ReportLink
from marketmill.months import changed_months
from marketmill.operators.base import MillOperator, run_name
from marketmill.window import parse_day


class ChooseModelsOperator(MillOperator):
    """Return the catalogue ids that the param ``models`` names; where it is empty those that learn from what is new.

    Without an event everything counts as new. What ``train_strategies`` trains is not among them.
    """

    def work(self, context: Context) -> list[str]:
        """Look each id up."""
        from ml.catalog import CATALOG, FEATURES, TRADES, find_entry

        kinds = {assets.FEATURES.name: FEATURES, assets.TRADES.name: TRADES}
        new = {kinds[asset.name] for asset in context.get("triggering_asset_events") or ()} or {*kinds.values()}
        models = context["params"].get("models") or [name for name, entry in CATALOG.items() if entry.learns_from in new]
        return list(dict.fromkeys(find_entry(model_id).model_id for model_id in models))


class TrainModelOperator(MillOperator):
    """Train one model of the catalogue and register it.

    Skipped, without an event, where it was trained on exactly this before, or where nobody named it and the universe has nothing
    for it, or too little.

    It is mapped, so the DAG names its outlet :data:`include.assets.MODEL`. The event's ``extra``: ``universe``, ``source``,
    ``model``, ``version``, ``verdict`` and the ``months`` of features that started the run (none where they are not known).
    """

    template_fields: Sequence[str] = ("model_id",)
    operator_extra_links = (ModelLink(), MlflowLink())

    def __init__(self, *, model_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_id = model_id
        self.version: str | None = None

    def work(self, context: Context) -> dict[str, Any]:
        """Train, evaluate, register."""
        from include.settings import open_lake, settings
        from ml.training import train

        params = context["params"]
        seed = params.get("seed")
        try:
            trained = train(
                open_lake(),
                self.model_id,
                universe=chosen(context, "universe"),
                timeframe=chosen_timeframe(context),
                start=parse_day("start", params["start"]) if params.get("start") else None,
                end=parse_day("end", params["end"]) if params.get("end") else None,
                seed=settings().seed if seed is None else int(seed),
                force=bool(params.get("force")),
                continue_boosting=bool(params.get("continue_boosting")),
                trades_run=params.get("trades_run") or None,
            )
        except (InsufficientDataError, UnsuitableError) as error:
            if params.get("models"):
                raise  # it was asked for by name
            self.skip(str(error))
        self.version = trained.version
        if trained.reused:
            # Nobody waits for it in this run; the API tells whoever asked for the training.
            context["ti"].xcom_push(key="return_value", value={"model": trained.model_id, "version": trained.version})
            self.skip(f"{self.model_id} version {trained.version} was trained on exactly this")
        extra = {
            "universe": chosen(context, "universe"),
            "source": chosen(context, "source"),
            "model": trained.model_id,
            "version": trained.version,
            "verdict": trained.card["verdict"],
            "months": changed_months(context) or [],
        }
        context["outlet_events"][MODEL].extra = extra
        return extra


class PublishReportOperator(MillOperator):
    """Write the page of a run. Returns its path below the lake's root."""

    operator_extra_links = (ReportLink(),)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[REPORT], **kwargs)

    def work(self, context: Context) -> str:
        """Gather and render."""
        from include.settings import open_lake
        from ml.report import publish

        params = context["params"]
        months = changed_months(context)
        path = publish(
            open_lake(),
            run=run_name(context),
            universe=chosen(context, "universe"),
            timeframe=params.get("timeframe") or "1d",
            months=months,
        )
        context["outlet_events"][REPORT].extra = {"path": path, "months": [*(months or [])]}
        return path
