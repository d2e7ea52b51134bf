"""The plots of a model, from its walk-forward predictions: every point was stated before it was known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ml.report.cards import Card, Group
from ml.report.charts.bars import bar_chart
from ml.report.charts.frame import Chart
from ml.report.charts.lines import Line, line_chart
from ml.report.charts.probabilities import reliability_chart, ribbon_chart
from ml.report.comparisons import title

_ROLLING = 250  # sessions
_PERCENT = 100.0
_BLOCK_SESSIONS = 20
#: Colours of the page for lines beside the model, no two of which look alike; touches have as many closed forms and climatology.
_COLOURS = 7
_FEWEST = 40  # rows of a group, below which a picture says nothing


def group_plots(card: Card, group: Group, rows: pd.DataFrame) -> list[Chart]:
    """Draw one group.

    Parameters
    ----------
    rows
        The group's walk-forward rows: ``closed_at`` (UTC), ``actual``, ``model`` and one column a baseline; classifiers
        have ``p0``, ``p1`` ... too.
    """
    rows = rows.dropna(axis=1, how="all").sort_values("closed_at", kind="stable")
    if len(rows) < _FEWEST:
        return []
    classes = class_columns(rows)
    return _class_plots(card, rows, classes) if classes else _value_plots(card, group, rows)


def overview_plot(card: Card) -> Chart:
    """Draw the main metric of the model and its baselines, group by group."""
    metric = card.main_metric
    names = dict.fromkeys(line.name for group in card.groups for line in group.comparison if line.role != "reference")
    lines = {
        name: (
            _style(card.groups[0], name, place),
            [next((line.metrics.get(metric.name) for line in group.comparison if line.name == name), None) for group in card.groups],
        )
        for place, name in enumerate(names)
    }
    better = "lower" if metric.lower_is_better else "higher"
    return bar_chart(
        f"{title(metric.name)} of each group", f"{metric.unit}; {better} is better", [group.name for group in card.groups], lines
    )


def class_columns(rows: pd.DataFrame) -> list[str]:
    """Columns of the model's probabilities, in the order of the codes; empty for a model of values."""
    columns: list[str] = []
    while f"p{len(columns)}" in rows:
        columns.append(f"p{len(columns)}")
    return columns


def _value_plots(card: Card, group: Group, rows: pd.DataFrame) -> list[Chart]:
    unit = card.main_metric.unit
    values = rows[[name for name in rows.columns if pd.api.types.is_float_dtype(rows[name])]] * (_PERCENT if "percent" in unit else 1.0)
    times, actual = pd.DatetimeIndex(rows["closed_at"]), values["actual"].to_numpy()
    band = (values["lower"].to_numpy(), values["upper"].to_numpy()) if "lower" in values and "upper" in values else None
    forecast = line_chart(
        "Forecast and outcome",
        f"{unit}, at the close when it was stated",
        times,
        [Line("model", "model", values["model"].to_numpy()), Line("outcome", "actual", actual)],
        band=band,
    )
    window = min(_ROLLING, len(rows) // 2)
    names = ["model", *(line.name for line in group.comparison if line.role == "baseline" and line.name in values)]
    errors = [
        Line(name, _style(group, name, place), _rolling_rmse(actual - values[name].to_numpy(), window)) for place, name in enumerate(names)
    ]
    rolling = line_chart("Rolling error", f"RMSE of the last {window} sessions, {unit}; lower is better", times, errors)
    return [forecast, rolling]


def _class_plots(card: Card, rows: pd.DataFrame, columns: list[str]) -> list[Chart]:
    chances, came = rows[columns].to_numpy(np.float64), rows["actual"].to_numpy().astype(int)
    names = _class_names(card, len(columns))
    many = bool(rows["closed_at"].duplicated().any())  # rows of one session: they make no band over time
    block = _rows_of_sessions(rows)
    if many and len(columns) == 2:
        note = f"how often it was {names[1]} (upright) when this probability was stated (across); on the line is honest"
        return [reliability_chart("Reliability", note, chances[:, 1:], came - 1, block)]
    note = "how often a class came (upright) when it was given this probability (across); on the line is honest"
    reliability = reliability_chart("Reliability", note, chances, came, block)
    if many:
        return [reliability]
    ribbon = ribbon_chart(
        "Stated probabilities, and what came",
        "above: the model's probabilities; strip below: the class that came",
        pd.DatetimeIndex(rows["closed_at"]),
        chances,
        came,
        names,
    )
    return [ribbon, reliability]


def _rows_of_sessions(rows: pd.DataFrame) -> int:
    """Rows that fall on 20 sessions."""
    return math.ceil(_BLOCK_SESSIONS * len(rows) / rows["closed_at"].nunique())


def _rolling_rmse(errors: np.ndarray, window: int) -> np.ndarray:
    rolling: np.ndarray = np.sqrt(pd.Series(errors**2).rolling(window).mean().to_numpy())
    return rolling


def _style(group: Group, name: str, place: int) -> str:
    return "model" if name == group.model.name else f"other{(place - 1) % _COLOURS + 1}"


def _class_names(card: Card, count: int) -> list[str]:
    declared = card.params.get("classes")
    if isinstance(declared, list) and len(declared) == count:
        return [str(name).replace("_", " ").lower() for name in declared]
    return [f"class {code}" for code in range(count)]
