"""Train the models that choose among strategies, and publish their report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from airflow.sdk import Context

from include.assets import MODEL, REPORT
from include.errors import ConfigurationError, InsufficientDataError, MarketmillError, NoEdgeError, UnsuitableError
from marketmill.events import chosen, chosen_timeframe
from marketmill.months import changed_months
from marketmill.operators.base import MillOperator, run_name


class ChooseStrategyModelsOperator(MillOperator):
    """Return the catalogue ids that the param ``model_type`` means: a word, an id, or all three where it is empty."""

    def work(self, context: Context) -> list[str]:
        """Look it up."""
        from ml.catalog import BACKTESTS, CATALOG, STRATEGY_TYPES

        known = [name for name, entry in CATALOG.items() if entry.learns_from == BACKTESTS]
        asked = context["params"].get("model_type")
        if not asked:
            return known
        model_id = STRATEGY_TYPES.get(asked, asked)
        if model_id not in known:
            raise ConfigurationError(f"model_type {asked!r} is unknown; use one of {', '.join([*STRATEGY_TYPES, *known])}")
        return [model_id]


class TrainStrategyOperator(MillOperator):
    """Train one strategy model on the backtests of the results database, and register it.

    Skipped, without an event, where it was trained on exactly this before, where the answer is "no edge" and there is nothing to
    register, where nobody named it and there is too little data
    for it, or where an event started the run and there are no backtests.

    It is mapped, so the DAG names its outlet :data:`include.assets.MODEL`; ``extra`` as that of
    :class:`marketmill.operators.models.TrainModelOperator`, with the ``timeframe`` instead of the source.
    """

    template_fields: Sequence[str] = ("model_id",)

    def __init__(self, *, model_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_id = model_id

    def work(self, context: Context) -> dict[str, Any]:
        """Search where it is asked for, train, evaluate, register."""
        from include.results.engine import results_engine
        from include.results.migrate import require_current
        from include.settings import open_lake, settings
        from ml.models.strategy_training import Wish, train_strategy

        require_current(results_engine())
        params, timeframe = context["params"], chosen_timeframe(context)
        wish = Wish(
            min_composite_score=float(params["min_composite_score"]),
            trials=int(params["n_trials"]) if params["hyperparameter_search"] else 0,
            continue_boosting=bool(params["continue_boosting"]),
            trades_run=params.get("trades_run") or None,
        )
        seed = settings().seed if params.get("seed") is None else int(params["seed"])
        universe = chosen(context, "universe")
        try:
            trained = train_strategy(open_lake(), self.model_id, wish, universe=universe, timeframe=timeframe, seed=seed)
        except NoEdgeError as answer:
            self.skip(f"{answer}; no version of {self.model_id} was registered")
        except InsufficientDataError as error:
            if params.get("model_type"):
                raise  # it was asked for by name
            self.skip(str(error))
        except UnsuitableError as error:
            _skip_if_by_event(self, context, error)
        if trained.reused:
            # Nobody waits for it in this run; the API tells whoever asked for the training.
            context["ti"].xcom_push(key="return_value", value={"model": trained.model_id, "version": trained.version})
            self.skip(f"{self.model_id} version {trained.version} was trained on exactly this")
        extra = {
            "universe": universe,
            "timeframe": timeframe,
            "model": trained.model_id,
            "version": trained.version,
            "verdict": trained.card["verdict"],
            "months": changed_months(context) or [],
        }
        context["outlet_events"][MODEL].extra = extra
        return extra


class PublishStrategiesOperator(MillOperator):
    """Write the page about the strategies. Returns its path below the lake's root.

    Skipped where there is nothing to show, since no training came to an end: what these failed of is the reason of the run. Where there was
    too little data for all of them, that reason fails the run, unless an event started it.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[REPORT], **kwargs)

    def work(self, context: Context) -> str:
        """Gather and render."""
        from include.settings import open_lake
        from ml.report.strategies import publish_strategies

        universe, timeframe = chosen(context, "universe"), chosen_timeframe(context)
        try:
            path = publish_strategies(open_lake(), run=run_name(context), universe=universe, timeframe=timeframe)
        except UnsuitableError as error:
            self.skip(f"{error}; see the tasks before this one")
        except InsufficientDataError as error:
            _skip_if_by_event(self, context, error)
        context["outlet_events"][REPORT].extra = {"path": path, "months": [*(changed_months(context) or [])]}
        return path


def _skip_if_by_event(task: MillOperator, context: Context, error: MarketmillError) -> NoReturn:
    """Who asked by hand is to hear of it as of an error."""
    if not context.get("triggering_asset_events"):
        raise error
    task.skip(str(error))
