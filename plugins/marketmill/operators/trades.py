"""Simulate trades, store what the market looked like, take in real fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from include.assets import REPORT, TRADES
from include.errors import ConfigurationError
from marketmill.events import chosen
from marketmill.operators.base import MillOperator, run_name

if TYPE_CHECKING:
    from include.lake import Lake
    from include.publish import Published
    from ml.dataset import Source

#: The subject of a run of rules; any other is the id of a model.
RULES = "rules"


class PlanTradesOperator(MillOperator):
    """Return what is traded on: ``rules``, and ids of models. An empty form means the rules and every model that can be traded on."""

    def work(self, context: Context) -> list[str]:
        """Look at the form; refuse rules and models that there are not."""
        from include.settings import open_lake
        from ml.simulation.decisions import READINGS, model_deciders
        from ml.simulation.rules import strategies

        params = context["params"]
        models = list(dict.fromkeys(params.get("predictions") or []))
        rules = params.get("rules") or []
        list(strategies(rules))
        about = {"universe": chosen(context, "universe"), "timeframe": params["timeframe"]}
        allow = bool(params.get("allow_in_sample"))
        for model_id in models:
            model_deciders(open_lake(), model_id, **about, allow_in_sample=allow)
        if models or rules:
            return [*([RULES] if rules else []), *models]
        for model_id in READINGS:
            try:
                model_deciders(open_lake(), model_id, **about, allow_in_sample=allow)
            except ConfigurationError as error:
                self.log.info("left out: %s", error)
            else:
                models.append(model_id)
        return [RULES, *models]


class SimulateTradesOperator(MillOperator):
    """Simulate one subject, publish its months; skipped, without an event, where that changed nothing and all of it was told.

    An event is sent when the task has ended, so a task after it notes what was told (:class:`PublishTradesPageOperator`). Where whoever
    published was killed before that, the months are told of when it runs again.

    Returns what its event tells, and how many ``strategies`` were simulated.

    It is mapped, so the DAG names its outlet :data:`include.assets.TRADES`. The event's ``extra``: ``universe``, ``timeframe``,
    ``run_id``, ``months`` (those that are told of), ``rows`` and ``content`` (hash by month).
    """

    template_fields: Sequence[str] = ("subject",)

    def __init__(self, *, subject: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.subject = subject

    def work(self, context: Context) -> dict[str, Any]:
        """Simulate from the first bar on, publish what was asked for."""
        from include.costs import costs_of
        from include.results.engine import results_engine
        from include.results.migrate import require_current
        from ml.simulation.decisions import model_deciders
        from ml.simulation.rules import strategies
        from ml.simulation.run import Run, simulate
        from ml.simulation.store import publish_simulated, untold

        params, source, engine = context["params"], _source(context), results_engine()
        require_current(engine)
        name, in_sample = source.universe.name, bool(params.get("allow_in_sample")) and self.subject != RULES
        if self.subject == RULES:
            deciders: Sequence[Any] = list(strategies(params.get("rules") or []))
        else:
            deciders = model_deciders(source.lake, self.subject, name, source.timeframe, allow_in_sample=in_sample)
        run = Run(self.subject, deciders, costs_of(name, params.get("costs")), in_sample=in_sample)
        simulated = simulate(source, run, params.get("days"))
        news = untold(source.lake, simulated.run_id, publish_simulated(source.lake, engine, simulated))
        self.log.info("%s: %d backtests", simulated.run_id, len(simulated.backtests))
        if not news:
            self.skip(_nothing_new(source.lake, simulated.run_id))
        return _tell(context, self, simulated.run_id, source.timeframe, name, news) | {"strategies": len(deciders)}


class PublishTradesPageOperator(MillOperator):
    """Write the page of the runs that changed, and note that they were told of. Returns its path below the lake's root."""

    template_fields: Sequence[str] = ("told",)

    def __init__(self, *, told: Any, **kwargs: Any) -> None:
        super().__init__(outlets=[REPORT], **kwargs)
        self.told = told

    def work(self, context: Context) -> str:
        """Gather and render."""
        from include.settings import settings
        from include.trade_runs import note_told
        from ml.report.trades import publish_trades_page

        told = self.told[:]  # all at once: to iterate asks for one more than there is, and the log calls that an error
        tried = {one["run_id"]: one["strategies"] for one in told}
        source = _source(context)
        path = publish_trades_page(source, tried, run=run_name(context), seed=settings().seed)
        for one in told:
            note_told(source.lake, one["run_id"], path, one["content"])
        context["outlet_events"][REPORT].extra = {"path": path, "months": sorted({month for one in told for month in one["months"]})}
        return path


class StoreMarketFeaturesOperator(MillOperator):
    """Store, for each window of the backtests, the features that were known of each symbol at its end, in ``ml_features``."""

    def work(self, context: Context) -> int:
        """Read the newest features of each window; the number of rows."""
        from include.results.engine import results_engine
        from include.results.migrate import require_current
        from ml.simulation.market import store_market_features

        engine = results_engine()
        require_current(engine)
        return store_market_features(_source(context), engine)


class ImportFillsOperator(MillOperator):
    """Add real fills of a CSV file to the trades. Returns what its event tells, as that of :class:`SimulateTradesOperator`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[TRADES], **kwargs)

    def work(self, context: Context) -> dict[str, Any]:
        """Read all of the file before anything is written."""
        from include.real_fills import FILLS, publish_fills, read_fills
        from include.results.engine import results_engine
        from include.results.migrate import require_current
        from include.settings import open_lake
        from ml.simulation.store import store_trades, untold

        file, timeframe = context["params"].get("fills_file"), context["params"]["timeframe"]
        if not file:
            raise ConfigurationError("fills_file is empty; name a CSV file, docs/simulation.md lists its columns")
        lake, engine = open_lake(), results_engine()
        require_current(engine)
        published = publish_fills(lake, read_fills(file, timeframe))
        for month in published:
            store_trades(lake, engine, FILLS, month)
        news = untold(lake, FILLS, published)
        if not news:
            self.skip(f"every fill of {file} is known already")
        return _tell(context, self, FILLS, timeframe, chosen(context, "universe"), news)


class NoteToldOperator(MillOperator):
    """Note that the event of the task before was sent: had that been killed, its trades would be told of when it runs again."""

    template_fields: Sequence[str] = ("told",)

    def __init__(self, *, told: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.told = told

    def work(self, context: Context) -> None:  # noqa: ARG002 - what was told is all
        """Note it in the lake."""
        from include.settings import open_lake
        from include.trade_runs import note_told

        note_told(open_lake(), self.told["run_id"], "", self.told["content"])


def _nothing_new(lake: Lake, run_id: str) -> str:
    from include.trade_runs import read_told

    if not (page := read_told(lake, run_id).page):
        return f"{run_id}: nothing was ever traded"
    return f"{run_id}: every month holds these trades already; {lake.url}/{page} shows them"


def _source(context: Mapping[str, Any]) -> Source:
    from include.settings import open_lake
    from include.universes import load_universe
    from ml.dataset import Source

    return Source(open_lake(), load_universe(chosen(context, "universe")), context["params"]["timeframe"])


def _tell(context: Context, task: MillOperator, run_id: str, timeframe: str, universe: str, changed: Sequence[Published]) -> dict[str, Any]:
    extra: dict[str, Any] = {
        "universe": universe,
        "timeframe": timeframe,
        "run_id": run_id,
        "months": [month.month for month in changed],
        "rows": sum(month.rows for month in changed),
        "content": {month.month: month.content for month in changed},
    }
    task.log.info("%s: %d months are new, %d trades in them", run_id, len(changed), extra["rows"])
    context["outlet_events"][TRADES].extra = extra
    return extra
