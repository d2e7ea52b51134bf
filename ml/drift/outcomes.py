"""Whether what was said came as often, and as near, as the walk-forward led to expect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.months import MONTH_FORMAT
from ml.drift.windows import MOST_MONTHS, Rank, rank
from ml.validation.losses import MODEL, probability_columns, row_losses

LOSS, CALIBRATION, COVERAGE = "loss", "calibration", "outside the interval"


@dataclass(frozen=True)
class OutcomeDrift:
    """One label: ``months`` whose outcomes are known by now, and the rank of each figure, larger is worse.

    ``loss`` is the mean of the model's main metric; ``calibration`` how far the mean stated probabilities lie from the shares that
    came (half the sum of the differences), or, where a number is stated, the mean error without its sign, in units of the outcome's
    deviation; ``outside the interval`` the share of outcomes outside the stated bounds.
    """

    label: str
    line: str
    months: list[str]
    rows: int
    figures: dict[str, Rank]


def outcome_drift(said: pd.DataFrame, walk_forward: pd.DataFrame, metric: str) -> list[OutcomeDrift]:
    """Rank the newest months of published statements among the walk-forward's windows of as many months, label by label.

    Parameters
    ----------
    said
        Published, out of sample, outcome known: ``label``, ``line``, ``timestamp`` (UTC), ``actual`` and the statement in columns
        named as a walk-forward names the model's (``model``, ``p0`` ..., ``lower``, ``upper``).
    walk_forward
        Of the version that serves.
    metric
        The card's main metric.
    """
    return [_one_label(str(label), rows, walk_forward[walk_forward["label"] == label], metric) for label, rows in said.groupby("label")]


def _one_label(label: str, said: pd.DataFrame, before: pd.DataFrame, metric: str) -> OutcomeDrift:
    months = sorted(said["timestamp"].dt.strftime(MONTH_FORMAT).unique())[-MOST_MONTHS:]
    newest = said[said["timestamp"].dt.strftime(MONTH_FORMAT).isin(months)].dropna(axis=1, how="all")
    line = str(newest.sort_values("timestamp")["line"].iloc[-1])
    known = _as_said(before, line)
    calendar = known["timestamp"].dt.strftime(MONTH_FORMAT)
    windows = _windows(sorted(calendar.unique()), len(months))
    figures = {}
    for name, figure in _figures(newest, known, metric).items():
        values = np.array([figure(known[calendar.isin(window)]) for window in windows])
        figures[name] = rank(figure(newest), values)
    return OutcomeDrift(label, line, months, len(newest), figures)


def _as_said(walk_forward: pd.DataFrame, line: str) -> pd.DataFrame:
    """The walk-forward with the statements of ``line`` in the model's columns."""
    if line == MODEL or line not in walk_forward:
        return walk_forward
    chances = probability_columns(walk_forward, line)
    renamed = {line: MODEL} | {name: f"p{code}" for code, name in enumerate(chances)}
    others = [MODEL, "lower", "upper", *probability_columns(walk_forward, MODEL)]
    return walk_forward.drop(columns=others, errors="ignore").rename(columns=renamed)


def _windows(calendar: list[str], months: int) -> list[set[str]]:
    return [set(calendar[first : first + months]) for first in range(len(calendar) - months + 1)]


def _figures(said: pd.DataFrame, known: pd.DataFrame, metric: str) -> dict[str, Callable[[pd.DataFrame], float]]:
    """The figures that both tables can give."""

    def loss(rows: pd.DataFrame) -> float:
        return float(row_losses(rows, MODEL, metric).mean())

    figures: dict[str, Callable[[pd.DataFrame], float]] = {LOSS: loss}
    chances = probability_columns(said, MODEL)
    if chances and chances == probability_columns(known, MODEL):
        figures[CALIBRATION] = lambda rows: _miscalibration(rows, chances)
    elif not chances:
        deviation = float(known["actual"].std()) or 1.0
        figures[CALIBRATION] = lambda rows: abs(float((rows[MODEL] - rows["actual"]).mean())) / deviation
    if {"lower", "upper"} <= {*said.columns} & {*known.columns}:
        figures[COVERAGE] = _outside
    return figures


def _miscalibration(rows: pd.DataFrame, chances: list[str]) -> float:
    came = np.bincount(rows["actual"].astype(int), minlength=len(chances))[: len(chances)] / len(rows)
    return float(np.abs(rows[chances].mean().to_numpy() - came).sum() / 2)


def _outside(rows: pd.DataFrame) -> float:
    bounded = rows.dropna(subset=["lower", "upper"])
    if bounded.empty:
        return float("nan")
    return float(((bounded["actual"] < bounded["lower"]) | (bounded["actual"] > bounded["upper"])).mean())
