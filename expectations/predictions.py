"""What a prediction must be before it is published: a possible statement that says of itself where it comes from.

A model that states something impossible, or of which nobody can say what it was made from, is wrong as a whole: nothing of the
month is published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from expectations.rules import Action, rule, suite
from expectations.suite_run import SuiteRun
from include.errors import LakeError

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

#: What each row says of itself.
IDENTITY = ("symbol", "timestamp", "closed_at", "model_version", "feature_set", "data_hash", "is_oos")

#: Probabilities are stored as float32; their sum may be this far from one.
ROUNDING = 1e-5

_SHOWN = 3


def prediction_suite() -> ExpectationSuite:
    """Build the suite over the columns of :func:`prepare`."""
    return suite(
        "predictions",
        [
            *(_present(name) for name in IDENTITY),
            rule(
                "ExpectColumnValuesToBeBetween",
                "prediction_stated",
                "neither a value nor a probability is stated",
                Action.FAIL_RUN,
                column="statements",
                min_value=1,
            ),
            rule(
                "ExpectColumnValuesToBeInSet",
                "prediction_finite",
                "{infinite:.0f} of the stated numbers are infinite",
                Action.FAIL_RUN,
                column="infinite",
                value_set=[0],
            ),
            _between("probability_not_below_zero", "a probability of {least:.6g} is below 0", "least", 0, None),
            _between("probability_not_above_one", "a probability of {most:.6g} is above 1", "most", None, 1),
            _between("probabilities_add_up", "the probabilities add up to {total:.6g}, not to 1", "total", 1 - ROUNDING, 1 + ROUNDING),
            rule(
                "ExpectColumnValuesToBeInSet",
                "probabilities_complete",
                "{unstated:.0f} of the classes have no probability",
                Action.FAIL_RUN,
                column="unstated",
                value_set=[0],
            ),
            _not_above("lower", "value"),
            _not_above("value", "upper"),
            _not_above("lower", "upper"),
            rule(
                "ExpectCompoundColumnsToBeUnique",
                "one_prediction_per_time",
                "another row states something of this symbol and time",
                Action.FAIL_RUN,
                column_list=["symbol", "timestamp", "group"],
            ),
        ],
    )


def prepare(predictions: pd.DataFrame) -> pd.DataFrame:
    """Make the frame that the suite sees.

    Parameters
    ----------
    predictions
        One row a symbol and time (and ``group``, where a model says several things of one time): :data:`IDENTITY`, and ``value``,
        ``lower`` and ``upper``, or ``p0``, ``p1`` ... for the classes. What a model does not state may be missing as a column.
    """
    frame = predictions.reindex(columns=[*IDENTITY, "value", "lower", "upper"]).reset_index(drop=True)
    frame = frame.astype(dict.fromkeys(("value", "lower", "upper"), float))
    frame["group"] = predictions["group"].to_numpy() if "group" in predictions else ""
    classes = predictions[probability_columns(predictions)].to_numpy(float)
    stated = ~np.isnan(classes)
    some = stated.any(axis=1)
    frame["unstated"] = np.where(some, (~stated).sum(axis=1), 0)
    frame["statements"] = stated.sum(axis=1) + frame["value"].notna()
    frame["infinite"] = np.isinf(classes).sum(axis=1) + np.isinf(frame[["value", "lower", "upper"]].to_numpy(float)).sum(axis=1)
    frame["least"] = np.where(some, np.where(stated, classes, np.inf).min(axis=1, initial=np.inf), np.nan)
    frame["most"] = np.where(some, np.where(stated, classes, -np.inf).max(axis=1, initial=-np.inf), np.nan)
    with np.errstate(invalid="ignore"):  # an infinity is told by a rule of its own
        frame["total"] = np.where(some & (frame["unstated"] == 0), classes.sum(axis=1), np.nan)
    return frame


def probability_columns(predictions: pd.DataFrame) -> list[str]:
    """``p0``, ``p1`` ... as far as they go."""
    columns: list[str] = []
    while f"p{len(columns)}" in predictions:
        columns.append(f"p{len(columns)}")
    return columns


def check_predictions(predictions: pd.DataFrame, what: str) -> SuiteRun:
    """Check predictions before they are published; the run's result is for the Data Docs.

    Raises
    ------
    LakeError
        If a row breaks a rule; the message begins with ``what`` and tells the first rows. Nothing may be published then.
    """
    run = SuiteRun(prediction_suite())
    seen = prepare(predictions)
    broken = run.broken(seen)
    if broken:
        told = []
        for position in sorted(broken)[:_SHOWN]:
            row = {str(name): value for name, value in seen.iloc[position].items()}
            told.append(f"{row['symbol']} {row['timestamp']}: {run.reason(broken[position], row)}")
        raise LakeError(f"{what}: {len(broken)} of {len(seen)} rows break a rule, nothing was published; {' | '.join(told)}")
    return run


def _present(name: str) -> Expectation:
    return rule("ExpectColumnValuesToNotBeNull", f"{name}_said", f"{name} is missing", Action.FAIL_RUN, column=name)


def _between(name: str, reason: str, column: str, least: float | None, most: float | None) -> Expectation:
    return rule("ExpectColumnValuesToBeBetween", name, reason, Action.FAIL_RUN, column=column, min_value=least, max_value=most)


def _not_above(low: str, high: str) -> Expectation:
    return rule(
        "ExpectColumnPairValuesAToBeGreaterThanB",
        f"{low}_not_above_{high}",
        f"{low} {{{low}:.10g}} is above {high} {{{high}:.10g}}",
        Action.FAIL_RUN,
        column_A=high,
        column_B=low,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    )
