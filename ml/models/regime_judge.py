"""What regime probabilities are worth: log-loss first, beside the baselines on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from include.errors import ModelError
from ml.protocol import Judgement
from ml.validation.losses import probability_columns
from ml.validation.metrics import accuracy, balanced_accuracy, expected_calibration_error, log_losses, macro_f1
from ml.validation.significance import block_bootstrap, by_day
from ml.validation.verdicts import verdict

SAME_DAY = "same day"
MAIN = "1 day"
METRIC_NOTES = {
    "log_loss": "mean of -ln of the probability given to the regime that came; lower is better",
    "accuracy": "share of bars whose likeliest regime came",
    "balanced_accuracy": "mean over the regimes of the share found",
    "macro_f1": "mean F1 over the regimes",
    "accuracy_on_change_days": "share found of the bars whose regime differs from the one before the forecast",
    "calibration_error": "mean gap between stated and observed frequency; lower is better",
}
_PROMISED = 0.70
_ACCURACY = MappingProxyType({"1 day": ("persistence", 0.02), "5 days": ("persistence", 0.06), "21 days": ("Markov", 0.06)})
_ON_CHANGE = MappingProxyType({"1 day": 0.35, "5 days": 0.50, "21 days": 0.55})
#: On fewer days, or fewer days of change, luck can reach a line.
_LEAK_DAYS, _LEAK_CHANGE_DAYS = 250, 200


@dataclass(frozen=True)
class LeakLines:
    """What no honest forecast of a label (its name is ``question``) reaches.

    By horizon ``accuracy`` is a baseline and how much better than it, ``on_change`` the accuracy on bars whose regime differs from today's.
    ``same`` names the label that looks no bar ahead, ``main`` the horizon that the first promise is about.
    """

    question: str
    accuracy: Mapping[str, tuple[str, float]] = field(default_factory=lambda: _ACCURACY)
    on_change: Mapping[str, float] = field(default_factory=lambda: _ON_CHANGE)
    same: str = SAME_DAY
    main: str = MAIN


def judge_regimes(lines: LeakLines, walk_forward: pd.DataFrame) -> Judgement:
    """Judge each horizon as a group.

    Raises
    ------
    ModelError
        If a forecast is better than anything honest can be: then the future leaked into it.
    """
    parts = {str(label): rows.dropna(axis=1, how="all") for label, rows in walk_forward.groupby("label")}
    order = [lines.same, *lines.accuracy]
    groups = [_judge_group(lines, label, parts[label]) for label in order if label in parts]
    promises = [_beats_markov(lines.main, parts[lines.main]), *(_promise_70(lines, group) for group in groups)]
    main = next(group for group in groups if group["name"] == lines.main)
    return Judgement(
        groups,
        promises,
        {"name": "log_loss", "unit": "nats", "lower_is_better": True},
        _line(main, "model")["accuracy"],
    )


def _judge_group(leak: LeakLines, label: str, rows: pd.DataFrame) -> dict[str, Any]:
    lines = [line for line in ("model", "majority", "rule", "persistence", "Markov") if line in rows]
    comparison = []
    for line in lines:
        role = {"model": "model", "rule": "reference"}.get(line, "baseline")
        comparison.append({"name": line, "role": role, "metrics": _metrics(rows, line, ahead=label != leak.same)})
    group = {"name": label, "metric_notes": METRIC_NOTES, "rows": len(rows), "comparison": comparison}
    if label != leak.same:
        changed = int(np.sum(rows["actual"].to_numpy() != rows["persistence"].to_numpy()))
        group["change_days"] = changed
        _refuse_leak(leak, label, group, changed)
    return group


def _metrics(rows: pd.DataFrame, line: str, *, ahead: bool) -> dict[str, float]:
    actual, stated = rows["actual"].to_numpy(), rows[line].to_numpy()
    chances = _probabilities(rows, line)
    metrics = {
        "log_loss": float(log_losses(actual, chances).mean()),
        "accuracy": accuracy(actual, stated),
        "balanced_accuracy": balanced_accuracy(actual, stated),
        "macro_f1": macro_f1(actual, stated),
        "calibration_error": expected_calibration_error(actual, chances),
    }
    if ahead:
        changed = actual != rows["persistence"].to_numpy()
        if changed.any():
            metrics["accuracy_on_change_days"] = accuracy(actual[changed], stated[changed])
    return metrics


def _probabilities(rows: pd.DataFrame, line: str) -> np.ndarray:
    return rows[probability_columns(rows, line)].to_numpy()


def _line(group: dict[str, Any], name: str) -> dict[str, float]:
    found: dict[str, float] = next(entry["metrics"] for entry in group["comparison"] if entry["name"] == name)
    return found


def _refuse_leak(lines: LeakLines, label: str, group: dict[str, Any], changed: int) -> None:
    baseline, margin = lines.accuracy[label]
    model, other = _line(group, "model"), _line(group, baseline)
    on_change = model.get("accuracy_on_change_days", 0.0)
    too_right = group["rows"] >= _LEAK_DAYS and model["accuracy"] > other["accuracy"] + margin
    if too_right or (changed >= _LEAK_CHANGE_DAYS and on_change > lines.on_change[label]):
        raise ModelError(
            f"{lines.question}, {label} ahead: accuracy {model['accuracy']:.3f} (on change days {on_change:.3f}) against "
            f"{baseline} {other['accuracy']:.3f} is more than knowledge of the past can give; "
            "look for the future in the features before training again"
        )


def _beats_markov(label: str, rows: pd.DataFrame) -> dict[str, str]:
    what, actual = "Tomorrow's regime" if label == MAIN else f"The regime {label} ahead", rows["actual"].to_numpy()
    losses = {line: log_losses(actual, _probabilities(rows, line)) for line in ("model", "majority", "persistence", "Markov")}
    strongest = min((line for line in losses if line != "model"), key=lambda line: float(losses[line].mean()))
    gain = block_bootstrap(by_day(losses[strongest] - losses["model"], rows["closed_at"]))
    return {
        "text": f"{what} is forecast with a lower log-loss than the strongest baseline",
        "verdict": "met" if gain.low > 0 else "not met",
        "reason": (
            f"log-loss {losses['model'].mean():.3f} against {losses[strongest].mean():.3f} of {strongest!r}; "
            f"gain {gain.mean:+.3f}, 95 % interval {gain.low:+.3f} to {gain.high:+.3f}"
        ),
    }


def _promise_70(lines: LeakLines, group: dict[str, Any]) -> dict[str, str]:
    name, found = group["name"], _line(group, "model")["accuracy"]
    simple = max(
        (entry for entry in group["comparison"] if entry["role"] != "model"),
        key=lambda entry: entry["metrics"]["accuracy"],
    )
    reached = simple["metrics"]["accuracy"]
    when = f"{name} ahead" if name != lines.same else "today" if name == SAME_DAY else f"of the {name}"
    return {
        "text": f"70 % of the regimes right, {when}",
        "verdict": verdict(kept=found >= _PROMISED, simpler=reached >= _PROMISED),
        "reason": f"{found:.1%}; {simple['name']!r} reaches {reached:.1%}",
    }


def judge_rules(judgement: Judgement, walk_forward: pd.DataFrame, regimes: list[str], priority: list[str]) -> Judgement:
    """Add what the rules of a label with a default leave open, and how the model fares where no rule holds.

    Parameters
    ----------
    walk_forward
        Has ``by_default``: 1 where no rule held for the day of the statement.
    regimes, priority
        Names of the codes, and of the rules in their order.
    """
    same = walk_forward[walk_forward["label"] == SAME_DAY]
    default = same["by_default"] == 1
    shares = [f"{regimes[code].lower()} {np.mean((same['actual'] == code) & ~default):.1%}" for code in range(len(regimes))]
    tomorrow = walk_forward[walk_forward["label"] == MAIN]
    found = []
    for name, part in (("by a rule", tomorrow["by_default"] == 0), ("by default", tomorrow["by_default"] == 1)):
        if part.any():
            rows = tomorrow[part]
            right = {line: accuracy(rows["actual"].to_numpy(), rows[line].to_numpy()) for line in ("model", "persistence")}
            found.append(f"after days put in place {name} {right['model']:.1%} right ({right['persistence']:.1%} by persistence)")
    promise = {
        "text": "Every day falls under a rule",
        "verdict": "met" if not default.any() else "not met",
        "reason": (
            f"{default.mean():.1%} of the days match none and are {regimes[2].lower()} by default; order {', '.join(priority)}; by rule "
            f"{', '.join(shares)}; tomorrow, {'; '.join(found)}"
        ),
    }
    return replace(judgement, promises=[*judgement.promises, promise])
