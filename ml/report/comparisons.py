"""Model against baselines: which value of a metric is best, and how far the model is from the strongest baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ml.report.cards import Card, ComparedLine, Group

_TITLES = {
    "rmse": "RMSE",
    "rmse_annualised": "RMSE, annualised",
    "mae": "MAE",
    "qlike": "QLIKE",
    "rmse_vs_naive": "RMSE vs naive",
    "rmse_vs_known": "RMSE vs 19 known",
    "diebold_mariano": "Diebold-Mariano",
    "coverage_90": "90 % coverage",
    "log_loss": "log-loss",
    "macro_f1": "macro F1",
    "brier": "Brier",
    "r2": "r²",
    "auc": "AUC",
    "auc_within": "AUC within strategy",
    "pinball_95": "95 % quantile loss",
    "coverage_95": "95 % coverage",
    "expected_value": "earned, %",
    "expected_value_low": "earned, low",
    "expected_value_high": "earned, high",
    "net_return": "net return, %",
    "max_drawdown": "drawdown, %",
    "taken": "taken, %",
}
#: Fractions that people read in percent.
_IN_PERCENT = ("net_return", "max_drawdown", "taken")
#: Metrics whose larger value is better; "lower is better" is said by a metric's note. Others (coverage) have no best.
_LARGER_IS_BETTER = (
    "accuracy",
    "balanced_accuracy",
    "accuracy_on_change_days",
    "macro_f1",
    "diebold_mariano",
    "r2",
    "auc",
    "sharpe",
    "net_return",
    "auc_within",
    "expected_value",
)


@dataclass(frozen=True)
class Cell:
    """One figure, written with as many decimals as its column needs."""

    text: str
    best: bool


@dataclass(frozen=True)
class Row:
    """One line of the table; ``difference`` is the main metric against the strongest baseline, as a fraction."""

    line: ComparedLine
    cells: list[Cell]
    difference: float | None
    strongest: bool


class Standing(StrEnum):
    """How the model stands in the main metric."""

    BETTER = "better"
    """Better than every baseline and reference."""
    MATCHED = "matched"
    """Better than every baseline, but a reference is at least as good."""
    WORSE = "worse"
    """A baseline is at least as good."""


@dataclass(frozen=True)
class Comparison:
    """The table of one group, and its line in the overview: the main metric as text, differences as fractions of the other's value."""

    group: Group
    titles: list[str]
    notes: list[tuple[str, str]]
    rows: list[Row]
    baseline: ComparedLine | None
    reference: ComparedLine | None
    difference: float | None
    reference_difference: float | None
    standing: Standing
    model_text: str
    baseline_text: str


def compare(card: Card) -> list[Comparison]:
    """Lay out the tables of all groups."""
    metric = card.main_metric.name
    shown = [value for group in card.groups for line in group.comparison if (value := line.metrics.get(metric)) is not None]
    places = _decimals(shown)
    return [_compare(card, group, places) for group in card.groups]


def title(metric: str) -> str:
    """The metric's name for people."""
    return _TITLES.get(metric, metric.replace("_", " "))


def _compare(card: Card, group: Group, places: int) -> Comparison:
    metric, lower = card.main_metric.name, card.main_metric.lower_is_better
    names = list(dict.fromkeys(name for line in group.comparison for name in line.metrics))
    columns = [_column(group, name, _direction(card, group, name)) for name in names]
    baseline, reference = (_strongest(group, role, metric, lower=lower) for role in ("baseline", "reference"))
    rows = [
        Row(line, [column[place] for column in columns], _difference(line, baseline, metric), line is baseline)
        for place, line in enumerate(group.comparison)
    ]
    return Comparison(
        group,
        [title(name) for name in names],
        [(title(name), group.metric_notes[name]) for name in names if name in group.metric_notes],
        rows,
        baseline,
        reference,
        _difference(group.model, baseline, metric),
        _difference(group.model, reference, metric),
        _standing(group, baseline, reference, metric, lower=lower),
        _text(group.model.metrics.get(metric), places),
        _text(baseline.metrics.get(metric) if baseline else None, places),
    )


def _standing(group: Group, baseline: ComparedLine | None, reference: ComparedLine | None, metric: str, *, lower: bool) -> Standing:
    own = group.model.metrics.get(metric)

    def beaten(line: ComparedLine | None) -> bool:
        other = line.metrics.get(metric) if line else None
        return other is not None and own is not None and (own < other if lower else own > other)

    if not beaten(baseline):
        return Standing.WORSE
    return Standing.BETTER if reference is None or beaten(reference) else Standing.MATCHED


def _text(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:.{places}f}".replace("-", "\u2212")


def _direction(card: Card, group: Group, name: str) -> bool | None:
    if name == card.main_metric.name:
        return card.main_metric.lower_is_better
    if "lower is better" in group.metric_notes.get(name, ""):
        return True
    return False if name in _LARGER_IS_BETTER else None


def _column(group: Group, name: str, lower: bool | None) -> list[Cell]:  # noqa: FBT001 (None: there is no better)
    factor = 100 if name in _IN_PERCENT else 1
    values = [None if (value := line.metrics.get(name)) is None else value * factor for line in group.comparison]
    known = [value for value in values if value is not None]
    places = _decimals(known)
    best = None if lower is None or len(known) < 2 else (min(known) if lower else max(known))
    return [Cell(_text(value, places), best is not None and value == best) for value in values]


def _decimals(values: Sequence[float]) -> int:
    """Decimals that show three figures of the smallest value, or two of a tenth of the largest where that is larger."""
    sizes = [abs(value) for value in values if value]
    if not sizes:
        return 0
    finest = max(min(sizes), max(sizes) / 10)
    return min(max(2 - math.floor(math.log10(finest)), 0), 7)


def _strongest(group: Group, role: str, metric: str, *, lower: bool) -> ComparedLine | None:
    lines = [(value, line) for line in group.comparison if line.role == role and (value := line.metrics.get(metric)) is not None]
    pick = min if lower else max
    return pick(lines, key=lambda pair: pair[0])[1] if lines else None


def _difference(line: ComparedLine, baseline: ComparedLine | None, metric: str) -> float | None:
    value, base = line.metrics.get(metric), baseline.metrics.get(metric) if baseline else None
    return value / base - 1 if value is not None and base and line is not baseline else None
