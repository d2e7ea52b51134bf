"""What forecasts from peers are worth: squared error against the training mean, with co-movement named apart."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from include.errors import ModelError
from ml.protocol import Judgement
from ml.validation.metrics import coverage, rmse
from ml.validation.significance import block_bootstrap, by_day, diebold_mariano
from ml.validation.verdicts import covers, simpler_keepers, verdict

NEXT = "next days"
SAME = "co-movement of the same days"
METRIC_NOTES = {
    "rmse": "percent over the horizon; lower is better",
    "r2": "out of sample, against the training mean; 0 is no better, higher is better",
    "hit_rate": "share of rows whose sign was stated",
    "correlation": "of statement and outcome (information coefficient)",
    "diebold_mariano": "against the training mean; above 1.96 better at the 5 % level",
    "coverage_90": "share of outcomes inside the 90 % interval",
}
_MEAN = "training mean"
#: Indices reach +0.008 on seven years by luck alone, so that the gain must be significant as well.
#: Of many targets one is significant by luck, so that each must be by more (Bonferroni): 1.96 for one target, 3.09 for 25.
_LEAK_LINE, _LEAK_DAYS, _LEAK_CHANCE = 0.01, 1000, 0.025
_SIGNIFICANT = 1.96
_PERCENT = 100.0


def judge_industry(walk_forward: pd.DataFrame, horizon: int) -> Judgement:
    """Judge each target; the first promise is over all of them.

    Raises
    ------
    ModelError
        If a forecast is better than anything honest can be: then the future leaked into it.
    """
    targets = max(1, walk_forward.loc[walk_forward["label"] == NEXT, "group"].nunique())
    significant = NormalDist().inv_cdf(1 - _LEAK_CHANCE / targets)
    groups = [
        _judge_group(str(name), rows.dropna(axis=1, how="all"), horizon, significant)
        for name, rows in walk_forward.groupby("group", sort=False)
    ]
    groups.sort(key=lambda group: group["horizon"] != NEXT)
    ahead = walk_forward[walk_forward["label"] == NEXT].reset_index(drop=True)
    same = walk_forward[walk_forward["label"] == SAME].reset_index(drop=True)
    main = {"name": "rmse", "unit": "percent over the horizon", "lower_is_better": True}
    return Judgement(groups, [_forecast(ahead, same, horizon), _direction(ahead, horizon), covers(ahead)], main)


def _judge_group(name: str, rows: pd.DataFrame, horizon: int, significant: float) -> dict[str, Any]:
    label = str(rows["label"].iloc[0])
    lines = ["model", _MEAN, *(["zero"] if label == NEXT else [])]
    comparison: list[dict[str, Any]] = [
        {"name": line, "role": "model" if line == "model" else "baseline", "metrics": _metrics(rows, line, horizon)} for line in lines
    ]
    r2, statistic = comparison[0]["metrics"]["r2"], comparison[0]["metrics"]["diebold_mariano"]
    if label == NEXT and r2 > _LEAK_LINE and statistic > significant and rows["closed_at"].dt.floor("D").nunique() >= _LEAK_DAYS:
        raise ModelError(
            f"industry_linear of {name}: R2 {r2:+.3f} out of sample over {horizon} sessions is more than knowledge of the past can give "
            f"({_LEAK_LINE:+.2f}); look for the future in the features before training again"
        )
    return {
        "name": name,
        "symbol": str(rows["symbol"].iloc[0]),
        "horizon": label,
        "metric_notes": METRIC_NOTES,
        "rows": len(rows),
        "comparison": comparison,
    }


def _metrics(rows: pd.DataFrame, line: str, horizon: int) -> dict[str, float]:
    actual, stated, mean = (rows[column].to_numpy(np.float64) for column in ("actual", line, _MEAN))
    metrics = {"rmse": rmse(actual, stated) * _PERCENT, "r2": 1 - (rmse(actual, stated) / rmse(actual, mean)) ** 2}
    if line != "zero":
        metrics["hit_rate"] = float(np.mean((stated > 0) == (actual > 0)))
    if line == "model":
        metrics["correlation"] = _correlation(actual, stated)
        metrics["diebold_mariano"] = diebold_mariano((actual - mean) ** 2 - (actual - stated) ** 2, horizon - 1)
        if "lower" in rows:
            metrics["coverage_90"] = coverage(actual, rows["lower"].to_numpy(), rows["upper"].to_numpy())
    return metrics


def _correlation(actual: np.ndarray, stated: np.ndarray) -> float:
    return float(np.corrcoef(actual, stated)[0, 1]) if stated.std() > 0 and actual.std() > 0 else 0.0


def _forecast(ahead: pd.DataFrame, same: pd.DataFrame, horizon: int) -> dict[str, str]:
    statistic, r2 = _against_mean(ahead, "model", horizon), _pooled_r2(ahead)
    met = r2 > 0 and statistic > _SIGNIFICANT
    zero, zero_r2 = _against_mean(ahead, "zero", horizon), _pooled_r2(ahead, "zero")
    simpler = zero > _SIGNIFICANT or zero_r2 >= r2
    return {
        "text": f"The return over the next {horizon} sessions is forecast better than by its mean in training",
        "verdict": verdict(kept=met, simpler=simpler),
        "reason": (
            f"{'' if met else 'no edge found: '}R2 {r2:+.4f} out of sample, Diebold-Mariano {statistic:.1f} (1.96 is needed); always "
            f"saying 0 has R2 {zero_r2:+.4f}; the peers "
            f"explain {_pooled_r2(same):.2f} of the same days' return, which is co-movement and no forecast"
        ),
    }


def _direction(ahead: pd.DataFrame, horizon: int) -> dict[str, str]:
    up = (ahead["actual"] > 0).to_numpy()
    right, always = ((ahead["model"] > 0).to_numpy() == up).astype(float), up.astype(float)
    gain = block_bootstrap(by_day(right - always, ahead["closed_at"]))
    of_mean = ((ahead[_MEAN] > 0).to_numpy() == up).astype(float)
    simpler = simpler_keepers({"model": 1 - right, "always up": 1 - always, _MEAN: 1 - of_mean}, "always up", ahead["closed_at"])
    return {
        "text": f"The sign of the return over the next {horizon} sessions is stated more often than by always saying up",
        "verdict": verdict(kept=gain.low > 0, simpler=bool(simpler)),
        "reason": (
            f"hit rate {right.mean():.3f} against {always.mean():.3f}, and {of_mean.mean():.3f} of the sign of the {_MEAN}; "
            f"gain {gain.mean:+.3f}, 95 % interval {gain.low:+.3f} to {gain.high:+.3f}"
        ),
    }


def _against_mean(rows: pd.DataFrame, line: str, horizon: int) -> float:
    """Diebold-Mariano statistic of a line against the training mean, all symbols together by day."""
    actual, stated, mean = (rows[column].to_numpy(np.float64) for column in ("actual", line, _MEAN))
    return diebold_mariano(by_day((actual - mean) ** 2 - (actual - stated) ** 2, rows["closed_at"]), horizon - 1)


def _pooled_r2(rows: pd.DataFrame, line: str = "model") -> float:
    actual, stated, mean = (rows[column].to_numpy(np.float64) for column in ("actual", line, _MEAN))
    return float(1 - np.sum((actual - stated) ** 2) / np.sum((actual - mean) ** 2))
