"""Let the champions predict, check what they say, and publish it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from include.assets import PREDICTIONS
from include.errors import ConfigurationError
from marketmill.links import ModelLink
from marketmill.months import changed_months
from marketmill.operators.base import MillOperator

if TYPE_CHECKING:
    import pandas as pd


class ChooseChampionsOperator(MillOperator):
    """Return the ids of the models that have a champion; of those that the param ``models`` names, each must have one."""

    def work(self, context: Context) -> list[str]:
        """Look each model up."""
        from ml import registry
        from ml.catalog import CATALOG, find_entry

        asked = [find_entry(model_id).model_id for model_id in context["params"].get("models") or []]
        champions = [model_id for model_id in asked or CATALOG if registry.holder(model_id, registry.CHAMPION)]
        if missing := sorted({*asked} - {*champions}):
            raise ConfigurationError(f"{', '.join(missing)} {'has' if len(missing) == 1 else 'have'} no champion; run promote_models")
        if not champions:
            self.skip("no model has a champion yet; run train_models and promote_models")
        return list(dict.fromkeys(champions))


class PredictOperator(MillOperator):
    """Let one champion state the months that changed, or the newest; skipped, without an event, where that changed nothing.

    It is mapped, so the DAG names its outlet :data:`include.assets.PREDICTIONS`. The event's ``extra``: ``universe``, ``model``,
    ``version``, ``months`` (those that changed), ``rows``, ``content`` (hash by month), ``refused_rows`` (rows with a reason instead of
    a statement) and ``refused_champions`` (why the versions that should serve do not).
    """

    template_fields: Sequence[str] = ("model_id",)
    operator_extra_links = (ModelLink(),)

    def __init__(self, *, model_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_id = model_id

    def work(self, context: Context) -> dict[str, Any]:
        """State, check, publish."""
        from include.months import MONTH_FORMAT
        from include.predictions import publish_predictions
        from include.settings import open_lake, settings
        from ml.prediction import state

        lake = open_lake()
        stated = state(lake, self.model_id, changed_months(context), most_months=settings().model_months)
        if stated is None:
            self.skip(f"{self.model_id} has no champion any more")
        version, rows = stated.serving.version, stated.rows
        _check(rows, f"{self.model_id} version {version.version}")
        by_month = rows.groupby(rows["timestamp"].dt.strftime(MONTH_FORMAT))
        published = [publish_predictions(lake, self.model_id, str(month), part) for month, part in by_month]
        refused = int(rows["refused"].notna().sum())
        self.log.info(
            "%s version %s: %d statements of %d months, %d rows refused",
            self.model_id, version.version, len(rows) - refused, len(published), refused,
        )  # fmt: skip
        changed = [month for month in published if month.changed]
        if not changed:
            self.skip(f"{self.model_id} says of {', '.join(stated.months)} what it said before")
        extra = {
            "universe": version.card["universe"],
            "model": self.model_id,
            "version": version.version,
            "months": [month.month for month in changed],
            "rows": sum(month.rows for month in changed),
            "content": {month.month: month.content for month in changed},
            "refused_rows": refused,
            "refused_champions": list(stated.serving.refused),
        }
        context["outlet_events"][PREDICTIONS].extra = extra
        return extra


def _check(rows: pd.DataFrame, what: str) -> None:
    from expectations.predictions import check_predictions

    for label, part in rows[rows["refused"].isna()].groupby("label"):
        unused = [name for name in part.columns if name.startswith("p") and name[1:].isdigit() and part[name].isna().all()]
        group = part["label"] + " " + part["particulars"].fillna("")
        check_predictions(part.drop(columns=unused).assign(group=group), f"{what}, {label}")
