"""The page about strategies: what choosing among them is worth, each model among random twins, and "no edge" where that is so."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from include.errors import InsufficientDataError, ModelError, UnsuitableError
from include.lake import Lake
from ml import registry
from ml.card import describe_runs
from ml.catalog import BACKTESTS, CATALOG
from ml.continuing import describe_continued
from ml.gate import read_walk_forward
from ml.models.strategy_judge import by_date, deflated, overfitted, strategy_returns
from ml.models.strategy_twins import UNIT
from ml.report.cards import Card, read_card
from ml.report.charts.frame import Chart
from ml.report.charts.histogram import histogram_chart
from ml.report.charts.lines import Line, line_chart
from ml.report.comparisons import Comparison, compare
from ml.report.formats import gain
from ml.report.page import write_page
from ml.report.plots import group_plots
from ml.report.runs import report_path
from ml.trained_versions import read_note
from ml.validation.deflated_sharpe import Deflated
from ml.validation.overfitting import Overfitting

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class StrategyView:
    """One model: its card, its figures of luck and its plots, or why there was ``no_edge``, a ``shortage`` of data or a ``problem``.

    ``has_edge`` is whether every promise about foretelling and earning is met and fewer than one of twenty twins does as well.
    """

    model_id: str
    card: Card | None = None
    aliases: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    comparison: Comparison | None = None
    deflated: Deflated | None = None
    overfitting: Overfitting | None = None
    plots: tuple[Chart, ...] = ()
    has_edge: bool = False
    no_edge: str | None = None
    shortage: str | None = None
    problem: str | None = None

    @property
    def gone_on(self) -> list[str]:
        """What came of going on from another version, in words; nothing where it did not."""
        return describe_continued(self.card.continued) if self.card else []

    @property
    def learnt_from(self) -> list[str]:
        """Which runs it learnt from, and which took no part, in words."""
        if self.card is None:
            return []
        told = describe_runs(self.card.learnt_from)
        return [*([f"This version {told}."] if told else []), *(f"{what} took no part: {why}." for what, why in self.card.left_out.items())]

    @property
    def twins(self) -> dict[str, Any]:
        """Own result, p-value and number of trades, or ``not_evaluated``."""
        found: dict[str, Any] = self.facts["twins"]
        return found


def publish_strategies(lake: Lake, *, run: str, universe: str, timeframe: str) -> str:
    """Write the page of a run; return its path below the lake's root.

    Raises
    ------
    InsufficientDataError
        If there was too little data for any strategy model.
    UnsuitableError
        If nobody tried to train one on these bars, or there was nothing to learn from.
    """
    views = read_strategies(lake, universe, timeframe)
    if not views:
        raise UnsuitableError(f"no training of a strategy model on {timeframe} bars of {universe} came to an end that could be shown")
    if all(view.shortage for view in views):
        reasons = dict.fromkeys(view.shortage for view in views)
        raise InsufficientDataError(f"no strategy model could be trained on {timeframe} bars of {universe}: {'; '.join(map(str, reasons))}")
    path = report_path(run)
    kinds = {"edges": [view for view in views if view.has_edge], "judged": [view for view in views if view.card]}
    content = {"run": run, "universe": universe, "timeframe": timeframe, "views": views, **kinds}
    write_page(lake, path, content, "strategies.html")
    _LOG.info("report: %s/%s", lake.url, path)
    return path


def read_strategies(lake: Lake, universe: str, timeframe: str) -> list[StrategyView]:
    """Version of each strategy model that was trained on these bars; one that is refused is told, not left out."""
    views = []
    for model_id in (name for name, entry in CATALOG.items() if entry.learns_from == BACKTESTS):
        try:
            note = read_note(lake, universe, timeframe, model_id)
            version = note.version
            if note.no_edge:
                views.append(StrategyView(model_id, no_edge=note.no_edge))
            elif version is not None:
                views.append(_view(registry.get(model_id, version)))
            elif note.shortage:
                views.append(StrategyView(model_id, shortage=note.shortage))
        except ModelError as error:
            views.append(StrategyView(model_id, problem=str(error)))
    return views


def _view(found: registry.Registered) -> StrategyView:
    card, rows = read_card(found.card), read_walk_forward(found)
    facts = found.card.get("strategies")
    twins = facts.get("twins") if isinstance(facts, dict) else None
    if not isinstance(facts, dict) or not isinstance(twins, dict) or ("not_evaluated" not in twins and twins.get("unit") != UNIT):
        raise ModelError(f"{found.model_id} version {found.version}: its card says nothing of twins; run train_strategies again")
    searched = card.params.get("searched") or {}
    luck, halves = deflated(rows, int(searched.get("trials", 0))), overfitted(strategy_returns(rows))
    kept = [promise.verdict == "met" for promise in card.promises[:2]]
    comparison = compare(card)[0]
    return StrategyView(
        found.model_id,
        card,
        found.aliases,
        facts,
        comparison,
        luck,
        halves,
        (*_plots(rows, facts["twins"], halves), *group_plots(card, comparison.group, rows)),
        has_edge=all(kept) and bool(facts["twins"].get("has_edge")),
    )


def _plots(rows: pd.DataFrame, twins: dict[str, Any], halves: Overfitting | None) -> list[Chart]:
    plots = [_growth(rows)]
    if "twins" in twins:
        note = f"earned a window after costs by {twins['trades']} trades, % of the equity; right is better; p-value {twins['p_value']:.3f}"
        spread = np.array(twins["twins"])
        names = (f"{len(spread)} random twins", f"the model's choice, {gain(twins['own'])}")
        plots.insert(0, histogram_chart("Among random twins", note, spread, names=names, own=twins["own"], percent=True))
    if halves is not None:
        note = f"logit of the best strategy's rank in the other half; left of 0 is below the median: {halves.probability:.0%}"
        plots.append(histogram_chart("Overfitting", note, halves.logits, names=(f"{len(halves.logits)} splits of time", "median"), own=0.0))
    return plots


def _growth(rows: pd.DataFrame) -> Chart:
    own, equal = by_date(rows, rows["model"]), by_date(rows, np.ones(len(rows)))
    times = pd.DatetimeIndex(own.index)
    lines = [
        Line("model", "model", np.cumprod(1.0 + own.to_numpy())),
        Line("equal stake", "other1", np.cumprod(1.0 + equal.to_numpy())),
        Line("always skip", "other2", np.ones(len(own))),
    ]
    note = "equity after costs, 1 at the start; each window was staked on before it began"
    return line_chart("Walk-forward", note, times, lines, from_zero=False)
