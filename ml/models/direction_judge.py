"""What directions are worth: the share that came, beside saying the same every day, with intervals by day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from include.errors import ModelError
from ml.labels.direction import NEUTRAL, UP
from ml.models.direction_data import NEXT
from ml.protocol import Judgement
from ml.validation.losses import probability_columns
from ml.validation.metrics import SMALLEST_PROBABILITY, accuracy, balanced_accuracy, expected_calibration_error, log_losses
from ml.validation.significance import Interval, block_bootstrap, by_day
from ml.validation.verdicts import simpler_keepers, verdict

ALL = "all symbols"
LINES = ("model", "majority", "always up", "reversal", "logistic")
METRIC_NOTES = {
    "log_loss": "mean of -ln of the probability given to the class that came; lower is better",
    "accuracy": "share of sessions whose likeliest class came",
    "balanced_accuracy": "mean over the classes of the share found",
    "matthews_correlation": "of stated and actual class; 0 is no relation",
    "auc": "of sessions that moved: how often a rise was given more probability than a fall; 0.5 is no relation",
    "rank_ic": "mean over days of the rank correlation, across symbols, of what was stated and what came",
    "calibration_error": "mean gap between stated and observed frequency; lower is better",
}
_PROMISED = 0.55
#: The simplest line: each symbol's shares in training.
_PRIOR = "majority"
#: What leaks are measured against: the other baselines look at the features, and a future in these would raise them as well.
_CONSTANTS = (_PRIOR, "always up")
_LEAK_LINE, _LEAK_LINE_FEW_DAYS, _LEAK_DAYS = 0.04, 0.12, 1000
_FEWEST_LEAK_DAYS = 120
_FEWEST_SYMBOLS = 5


def judge_directions(walk_forward: pd.DataFrame) -> Judgement:
    """Judge all symbols together, then each by itself.

    Raises
    ------
    ModelError
        If more sessions are stated right than anything honest can: then the future leaked into it.
    """
    groups = [_judge_group(ALL, walk_forward, {"label": NEXT})]
    groups += [_judge_group(str(symbol), rows, {"symbol": str(symbol)}) for symbol, rows in walk_forward.groupby("symbol")]
    promises = [_finds_direction(walk_forward), _promise_55(groups[0], walk_forward), _beats_prior(walk_forward)]
    found = groups[0]["comparison"][0]["metrics"]["accuracy"]
    return Judgement(groups, promises, {"name": "log_loss", "unit": "nats", "lower_is_better": True}, found)


def _judge_group(name: str, rows: pd.DataFrame, where: dict[str, str]) -> dict[str, Any]:
    comparison = [{"name": line, "role": "model" if line == "model" else "baseline", "metrics": _metrics(rows, line)} for line in LINES]
    _refuse_leak(name, rows)
    return {"name": name, "where": where, "metric_notes": METRIC_NOTES, "rows": len(rows), "comparison": comparison}


def _metrics(rows: pd.DataFrame, line: str) -> dict[str, float]:
    actual, stated, chances = rows["actual"].to_numpy(), rows[line].to_numpy(), _chances(rows, line)
    metrics = {
        "log_loss": float(log_losses(actual, chances).mean()),
        "accuracy": accuracy(actual, stated),
        "balanced_accuracy": balanced_accuracy(actual, stated),
        "matthews_correlation": float(matthews_corrcoef(actual, stated)),
        "calibration_error": expected_calibration_error(actual, chances),
    }
    moved, rise = actual != NEUTRAL, _chance_of_rise(chances)
    if len(np.unique(actual[moved])) == 2:
        metrics["auc"] = float(roc_auc_score(actual[moved] == UP, rise[moved]))
    correlation = _rank_ic(rise, actual, rows["closed_at"])
    return metrics if correlation is None else {**metrics, "rank_ic": correlation}


def _chances(rows: pd.DataFrame, line: str) -> np.ndarray:
    return rows[probability_columns(rows, line)].to_numpy(np.float64)


def _chance_of_rise(chances: np.ndarray) -> np.ndarray:
    """Probability of a rise where there is a move."""
    return np.asarray(chances[:, 2] / (chances[:, 0] + chances[:, 2]))


def _rank_ic(rise: np.ndarray, actual: np.ndarray, closed_at: pd.Series) -> float | None:
    if not closed_at.duplicated().any():
        return None
    days = pd.DataFrame({"rise": rise, "actual": actual}).groupby(closed_at.to_numpy())
    ranks = days.rank()
    left, right = (ranks[name] - (days["actual"].transform("size") + 1) / 2 for name in ("rise", "actual"))
    sums = pd.DataFrame({"product": left * right, "left": left**2, "right": right**2}).groupby(closed_at.to_numpy()).sum()
    known = (days.size() >= _FEWEST_SYMBOLS) & (sums["left"] > 0) & (sums["right"] > 0)
    found: pd.Series = (sums["product"] / np.sqrt(sums["left"] * sums["right"]))[known]
    return float(found.mean()) if len(found) else None


def _right(rows: pd.DataFrame, line: str) -> np.ndarray:
    return np.asarray((rows[line] == rows["actual"]).to_numpy(np.float64))


def _strongest(rows: pd.DataFrame) -> str:
    """The baseline that is right most often."""
    return max(LINES[1:], key=lambda line: float(_right(rows, line).mean()))


def _gain(model: np.ndarray, other: np.ndarray, rows: pd.DataFrame) -> Interval:
    return block_bootstrap(by_day(model - other, rows["closed_at"]))


def _told(gain: Interval) -> str:
    return f"{gain.mean:+.3f}, 95 % interval {gain.low:+.3f} to {gain.high:+.3f}"


def _refuse_leak(name: str, rows: pd.DataFrame) -> None:
    days = rows["closed_at"].dt.floor("D").nunique()
    line = _LEAK_LINE if days >= _LEAK_DAYS else _LEAK_LINE_FEW_DAYS
    model, best = float(_right(rows, "model").mean()), max(float(_right(rows, constant).mean()) for constant in _CONSTANTS)
    if days >= _FEWEST_LEAK_DAYS and model > best + line:
        raise ModelError(
            f"direction of {name}: {model:.3f} of {days} days right against {best:.3f} by saying the same every day is more than knowledge "
            f"of the past can give (+{line:.2f}); look for the future in the features before training again"
        )


def _finds_direction(rows: pd.DataFrame) -> dict[str, str]:
    simple = _strongest(rows)
    right, other = _right(rows, "model"), _right(rows, simple)
    gain = _gain(right, other, rows)
    loss = _log_loss_gain(rows)
    met = gain.low > 0 and loss.mean >= 0
    over = "" if simple == _PRIOR else f"; over {_PRIOR!r} {_told(_gain(right, _right(rows, _PRIOR), rows))}"
    return {
        "text": "The next session's direction is stated right more often than by the strongest simple rule",
        "verdict": "met" if met else "not met",
        "reason": (
            f"{'' if met else 'no edge found: '}{right.mean():.3f} right against {other.mean():.3f} of {simple!r}; "
            f"gain a day {_told(gain)}{over}"
        ),
    }


def _promise_55(group: dict[str, Any], rows: pd.DataFrame) -> dict[str, str]:
    shares = {line["name"]: line["metrics"]["accuracy"] for line in group["comparison"]}
    found, simple = shares.pop("model"), max(shares, key=shares.__getitem__)
    interval = _gain(_right(rows, "model"), np.zeros(len(rows)), rows)
    return {
        "text": "More than 55 % of the directions right",
        "verdict": verdict(kept=interval.low > _PROMISED, simpler=shares[simple] >= _PROMISED),
        "reason": (
            f"{found:.1%} of three classes; a day's mean is {interval.mean:.1%}, 95 % interval {interval.low:.1%} to {interval.high:.1%}; "
            f"the simple line that is right most often, {simple!r}, {shares[simple]:.1%}"
        ),
    }


def _losses(rows: pd.DataFrame, line: str) -> np.ndarray:
    return log_losses(rows["actual"].to_numpy(), _chances(rows, line))


def _log_loss_gain(rows: pd.DataFrame, line: str = "model") -> Interval:
    """How much lower a line's log-loss is than that of each symbol's shares in training."""
    return _gain(_losses(rows, _PRIOR), _losses(rows, line), rows)


def _beats_prior(rows: pd.DataFrame) -> dict[str, str]:
    gain = _log_loss_gain(rows)
    simpler = simpler_keepers({line: _losses(rows, line) for line in LINES}, _PRIOR, rows["closed_at"])
    told = ""
    if gain.low > 0 and simpler:
        other = _log_loss_gain(rows, simpler[0])
        told = f"; but the simpler {simpler[0]!r} gains {other.mean:+.4f} ({other.low:+.4f} to {other.high:+.4f})"
    moved = rows[rows["actual"] != NEUTRAL].reset_index(drop=True)
    rose = (moved["actual"] == UP).to_numpy()
    losses = [_binary(rose, _chance_of_rise(_chances(moved, line))) for line in (_PRIOR, "model")]
    side = _gain(losses[0], losses[1], moved)
    return {
        "text": "Probabilities have a lower log-loss than each symbol's shares in training",
        "verdict": verdict(kept=gain.low > 0, simpler=bool(simpler)),
        "reason": (
            f"gain {gain.mean:+.4f}, 95 % interval {gain.low:+.4f} to {gain.high:+.4f}{told}; of the model's, telling rises from falls "
            f"gives {side.mean:+.4f} ({side.low:+.4f} to {side.high:+.4f}) on sessions that moved, the rest is telling quiet sessions apart"
        ),
    }


def _binary(came: np.ndarray, chance: np.ndarray) -> np.ndarray:
    return np.asarray(-np.log(np.clip(np.where(came, chance, 1.0 - chance), SMALLEST_PROBABILITY, 1.0)))
