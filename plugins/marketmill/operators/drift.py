"""Watch the champions for drift."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context

from include.assets import REPORT
from marketmill.notifications import Topic, notify
from marketmill.operators.base import MillOperator, run_name


class WatchDriftOperator(MillOperator):
    """Look at the champions' inputs and at the outcomes of what they said, write the page, tell of drift.

    Returns the verdict by model. Drift is news, not a failure: the task succeeds. The event's ``extra``: ``path`` of the page and
    ``drifted``, by model what drifted.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[REPORT], **kwargs)

    def work(self, context: Context) -> dict[str, str]:
        """Gather, render, tell."""
        from include.settings import open_lake
        from ml.catalog import CATALOG, find_entry
        from ml.drift.watch import watch
        from ml.report.drift import publish_drift

        lake = open_lake()
        asked = [find_entry(model_id).model_id for model_id in context["params"].get("models") or []]
        watched = [found for model_id in asked or CATALOG if (found := watch(lake, model_id)) is not None]
        if not watched:
            self.skip("no model has a champion yet; run train_models and promote_models")
        for found in watched:
            say = self.log.warning if found.drifted or found.problem else self.log.info
            say("%s: %s", found.model_id, found.problem or "; ".join(found.drifted) or found.verdict)
        path = publish_drift(lake, watched, run=run_name(context))
        drifted: dict[str, Any] = {found.model_id: found.drifted for found in watched if found.drifted}
        if drifted:
            lines = [f"{model_id}: {'; '.join(what)}" for model_id, what in drifted.items()]
            notify(Topic.DRIFT, f"{len(drifted)} of {len(watched)} champions drifted", "\n".join([*lines, f"{lake.url}/{path}"]))
        context["outlet_events"][REPORT].extra = {"path": path, "drifted": drifted}
        return {found.model_id: found.problem or str(found.verdict) for found in watched}
