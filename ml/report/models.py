"""Each model of the catalogue as the report shows it: its newest version, or why there is nothing to show."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandas as pd

from include.errors import ModelError
from include.lake import Lake
from ml import registry
from ml.card import describe_runs
from ml.catalog import CATALOG
from ml.continuing import describe_continued
from ml.gate import is_forecast, read_walk_forward
from ml.promotion import serving
from ml.report.cards import Card, read_card
from ml.report.charts.frame import Chart
from ml.report.comparisons import Comparison, Standing, compare
from ml.report.plots import class_columns, group_plots, overview_plot
from ml.trained_versions import read_note
from ml.validation.dated import describe_split

#: Plots of more groups than this would make the page too heavy for a phone.
MOST_DRAWN = 40
#: Bars of more groups than this stand too close to be told apart.
MOST_COMPARED = 10
_NEEDED = ("group", "closed_at", "known_at", "actual", "model")


@dataclass(frozen=True)
class GroupView:
    """One group: its table and its plots; ``forecast`` is False where the outcome was known when the statement could be made."""

    comparison: Comparison
    plots: list[Chart]
    forecast: bool


@dataclass(frozen=True)
class Service:
    """Who says a model's predictions now: a ``version`` or None; ``refused`` tells why champions before it do not.

    ``elsewhere`` is the universe that it was trained on, where that is not the page's.
    """

    version: str | None
    elsewhere: str | None = None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelView:
    """One model: its card and groups, or what keeps them from being shown. ``notes`` are warnings.

    The ``problem`` is that of a version that is refused; a ``shortage`` of data means that there is no version. ``service`` is None
    where it was not asked for.
    """

    model_id: str
    card: Card | None = None
    aliases: tuple[str, ...] = ()
    groups: list[GroupView] = field(default_factory=list)
    overview: Chart | None = None
    notes: list[str] = field(default_factory=list)
    problem: str | None = None
    shortage: str | None = None
    service: Service | None = None

    @property
    def meanings(self) -> dict[str, str]:
        """What each column of the tables means, by its title."""
        return {title: note for group in self.groups for title, note in group.comparison.notes}

    @property
    def dated_split(self) -> str | None:
        """What came of the dated split."""
        return describe_split(self.card.dated_split, self.card.main_metric.name) if self.card and self.card.dated_split else None

    @property
    def forecasts(self) -> list[GroupView]:
        """Groups of statements about what was still open; all groups where there are none."""
        return [group for group in self.groups if group.forecast] or self.groups

    @property
    def others(self) -> list[GroupView]:
        """Groups of statements about what was known already, beside forecasts."""
        return [group for group in self.groups if group not in self.forecasts]

    @property
    def ahead(self) -> int:
        """Forecasts in which the model is better than every baseline."""
        return sum(group.comparison.standing != Standing.WORSE for group in self.forecasts)


def read_models(lake: Lake, universe: str, timeframe: str, feature_set: str | None) -> list[ModelView]:
    """Version of each model that was trained on these bars; one that is refused is told, and so is that there was too little data."""
    views = []
    for model_id in CATALOG:
        view = _view_model(lake, universe, timeframe, model_id, feature_set)
        if view is not None:
            views.append(replace(view, service=_service(model_id, universe)))
    return views


def _view_model(lake: Lake, universe: str, timeframe: str, model_id: str, feature_set: str | None) -> ModelView | None:
    try:
        note = read_note(lake, universe, timeframe, model_id)
        if note.version is not None:
            found = registry.get(model_id, note.version)
            view = view_version(found, _walk_forward(found), feature_set)
            return replace(view, notes=[*_later(note.shortage), *view.notes])
        return ModelView(model_id, shortage=note.shortage) if note.shortage else None
    except ModelError as error:
        return ModelView(model_id, problem=str(error))


def _service(model_id: str, universe: str) -> Service:
    """Who serves, decided as predictions decide it."""
    try:
        now = serving(model_id)
    except ModelError as error:
        return Service(None, refused=(str(error),))
    if now is None:
        return Service(None)
    trained_on = str(now.version.card["universe"])
    return Service(now.version.version, None if trained_on == universe else trained_on, now.refused)


def view_version(found: registry.Registered, rows: pd.DataFrame, feature_set: str | None = None) -> ModelView:
    """One version with its walk-forward ``rows``; ``feature_set`` is the lake's current one, where it matters."""
    card = read_card(found.card)
    groups = []
    for place, comparison in enumerate(compare(card)):
        group = comparison.group
        own = group.pick(rows)
        plots = group_plots(card, group, own) if place < MOST_DRAWN else []
        groups.append(GroupView(comparison, plots, is_forecast(own, card.timeframe)))
    overview = overview_plot(card) if class_columns(rows) and len(groups) <= MOST_COMPARED else None
    return ModelView(found.model_id, card, found.aliases, groups, overview, _notes(card, feature_set))


def _later(shortage: str | None) -> list[str]:
    return [f"Trained since on less data, which gave no newer version: {shortage}."] if shortage else []


def _walk_forward(found: registry.Registered) -> pd.DataFrame:
    rows = read_walk_forward(found)
    missing = [name for name in _NEEDED if name not in rows]
    if missing:
        raise ModelError(f"{found.model_id} version {found.version}: {registry.WALK_FORWARD} lacks {', '.join(missing)}; train it again")
    return rows


def _notes(card: Card, feature_set: str | None) -> list[str]:
    notes = []
    if feature_set and card.feature_set != feature_set:
        notes.append(
            f"This version was trained on feature set {card.feature_set}; the lake's current one is {feature_set}. Train it again."
        )
    notes += describe_continued(card.continued)
    if told := describe_runs(card.learnt_from):
        notes.append(f"This version {told}.")
    notes += [f"{what} took no part: {reason}." for what, reason in card.left_out.items()]
    if card.no_trade:
        notes.append(f"Its predictions say NO_TRADE: {card.no_trade}.")
    if len(card.groups) > MOST_DRAWN:
        notes.append(f"Plots are drawn for the first {MOST_DRAWN} of {len(card.groups)} groups.")
    return notes
