"""Loss of each statement, row by row, so that two of them can be compared on the same rows."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from include.errors import ModelError
from ml.validation.metrics import SMALLEST_PROBABILITY, log_losses, pinball_losses

MODEL = "model"


def row_losses(rows: pd.DataFrame, line: str, metric: str) -> np.ndarray:
    """Loss of one line (``model`` or a baseline) on each row; its mean orders lines as the metric does, lower is better.

    Parameters
    ----------
    rows
        ``actual`` and the columns of the line, none of them null.
    metric
        ``rmse``, ``brier`` (both: squared difference), ``mae`` (absolute difference), ``pinball_95`` (loss of a 95 % quantile) or
        ``log_loss`` (of all classes, or of the one probability that the line states).

    Raises
    ------
    ModelError
        If the metric is none of these.
    """
    actual, stated = rows["actual"].to_numpy(np.float64), rows[line].to_numpy(np.float64)
    if metric in {"rmse", "brier"}:
        return np.asarray((stated - actual) ** 2)
    if metric == "mae":
        return np.asarray(np.abs(stated - actual))
    if metric == "pinball_95":
        return pinball_losses(actual, stated, 0.95)
    if metric != "log_loss":
        raise ModelError(
            f"two models cannot be compared by {metric!r}; use rmse, brier, mae, pinball_95 or log_loss as the judge's main metric"
        )
    columns = probability_columns(rows, line)
    if columns:
        return log_losses(actual, rows[columns].to_numpy(np.float64))
    given = np.where(actual == 1, stated, 1.0 - stated)
    return np.asarray(-np.log(np.clip(given, SMALLEST_PROBABILITY, 1.0)))


def stated_lines(rows: pd.DataFrame) -> list[str]:
    """Names of the lines that walk-forward rows hold, the model first, then the baselines, the simplest first."""
    columns = [str(column) for column in rows.columns]
    stated = columns[columns.index("fold") + 1 :]
    others = {"lower", "upper", *probability_columns(rows, MODEL)}
    return [column for column in stated if column not in others and not re.search(r" p\d+$", column)]


def probability_columns(rows: pd.DataFrame, line: str) -> list[str]:
    """Columns with a line's probability of each class, in the order of the codes; none where it states something else."""
    prefix = "" if line == MODEL else f"{line} "
    found = [column for column in rows.columns if re.fullmatch(rf"{re.escape(prefix)}p\d+", str(column)) and rows[column].notna().any()]
    return sorted(found, key=lambda column: int(column.rpartition("p")[2]))
