"""What probabilities of touch are worth: Brier first, beside the closed forms on the same options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from include.errors import ModelError
from ml.protocol import Judgement
from ml.validation.binary import brier, calibration_error, calibration_line, log_loss
from ml.validation.significance import block_bootstrap, by_day
from ml.validation.verdicts import simpler_keepers, verdict

ALL = "all options"
CLIMATOLOGY = "climatology"
METRIC_NOTES = {
    "brier": "mean squared difference of probability and outcome; lower is better",
    "r2": "Brier skill: 1 - Brier / Brier of the share that was touched in training; of one version of the sampler only",
    "log_loss": "mean of -ln of the probability given to what came; lower is better",
    "calibration_error": "mean gap between stated and observed frequency; lower is better",
    "calibration_slope": "1 is honest, below 1 too sure of itself",
    "calibration_intercept": "0 is honest, below 0 too many touches stated",
}
_LEAK_LINE = 0.05
_LEAK_ROWS, _LEAK_DAYS = 1000, 250  # on fewer a stretch without moves can bring as much
_NEAR = 0.003
_FEWEST_OF_A_YEAR = 200
_FEWEST_LISTED = 40


def judge_touches(walk_forward: pd.DataFrame) -> Judgement:
    """Judge the sampled options together and by symbol and right; listed ones, where there are, apart.

    Raises
    ------
    ModelError
        If the probabilities are better than anything honest can be: then the future leaked into them.
    """
    walk_forward = walk_forward.dropna(axis=1, how="all")
    sampled = walk_forward[walk_forward["origin"] == "sampled"]
    _refuse_leak(sampled)
    groups = [_judge_group(ALL, sampled, {"origin": "sampled"})]
    for (symbol, right), rows in sampled.groupby(["symbol", "right"]):
        groups.append(_judge_group(f"{symbol} {right}s", rows, {"origin": "sampled", "symbol": symbol, "right": right}))
    listed = walk_forward[walk_forward["origin"] == "listed"]
    if len(listed) >= _FEWEST_LISTED:
        groups.append(_judge_group("listed options", listed, {"origin": "listed"}))
    metric = {"name": "brier", "unit": "squared probability", "lower_is_better": True}
    return Judgement(groups, [_beats_closed_forms(sampled), _every_year(sampled), _skill(groups[0])], metric)


def _judge_group(name: str, rows: pd.DataFrame, where: dict[str, Any]) -> dict[str, Any]:
    comparison = [
        {"name": line, "role": "model" if line == "model" else "baseline", "metrics": _metrics(rows, line)}
        for line in ["model", CLIMATOLOGY, *_closed_forms(rows)]
    ]
    share = float(rows["actual"].mean())
    return {"name": name, "where": where, "metric_notes": METRIC_NOTES, "rows": len(rows), "touched": share, "comparison": comparison}


def _metrics(rows: pd.DataFrame, line: str) -> dict[str, float]:
    came, stated = rows["actual"].to_numpy(), rows[line].to_numpy()
    metrics = {
        "brier": brier(came, stated),
        "r2": 1.0 - brier(came, stated) / brier(came, rows[CLIMATOLOGY].to_numpy()),
        "log_loss": log_loss(came, stated),
        "calibration_error": calibration_error(came, stated),
    }
    fitted = None if line == CLIMATOLOGY else calibration_line(came, stated)
    return metrics if fitted is None else {**metrics, "calibration_slope": fitted.slope, "calibration_intercept": fitted.intercept}


def _closed_forms(rows: pd.DataFrame) -> list[str]:
    return [str(column) for column in rows.columns if str(column).startswith("closed form")]


def _losses(rows: pd.DataFrame) -> pd.DataFrame:
    """Squared error of the model and the closed forms, option by option."""
    return rows[["model", *_closed_forms(rows)]].sub(rows["actual"], axis=0) ** 2


def _refuse_leak(rows: pd.DataFrame) -> None:
    means = _losses(rows).mean()
    # Where even the long-run share is better than the formulas, being better than them tells of no leak.
    model, best = means["model"], min(means.drop("model").min(), brier(rows["actual"].to_numpy(), rows[CLIMATOLOGY].to_numpy()))
    days = rows["closed_at"].dt.floor("D").nunique()
    if model < (1 - _LEAK_LINE) * best and len(rows) >= _LEAK_ROWS and days >= _LEAK_DAYS:
        raise ModelError(
            f"touch: Brier {model:.4f} is {1 - model / best:.1%} below the best simple one ({best:.4f}), more than knowledge of the past "
            f"can give ({_LEAK_LINE:.0%}); look for the future in the features and in the purge by expiry before training again"
        )


def _beats_closed_forms(rows: pd.DataFrame) -> dict[str, str]:
    losses = _losses(rows)
    strongest = str(losses.drop(columns="model").mean().idxmin())
    gain = block_bootstrap(by_day((losses[strongest] - losses["model"]).to_numpy(), rows["closed_at"]))
    share = ((rows[CLIMATOLOGY] - rows["actual"]) ** 2).to_numpy()
    by_line = {"model": losses["model"].to_numpy(), strongest: losses[strongest].to_numpy(), CLIMATOLOGY: share}
    simpler = simpler_keepers(by_line, strongest, rows["closed_at"])
    return {
        "text": "Touches are stated with a lower Brier than by the strongest closed form",
        "verdict": verdict(kept=gain.low > 0, simpler=bool(simpler)),
        "reason": (
            f"Brier {losses['model'].mean():.4f} against {losses[strongest].mean():.4f} of {strongest!r} and {share.mean():.4f} of "
            f"{CLIMATOLOGY}; "
            f"gain a day {gain.mean:+.4f}, 95 % interval {gain.low:+.4f} to {gain.high:+.4f}; {_by_right(rows)}"
        ),
    }


def _by_right(rows: pd.DataFrame) -> str:
    """Calls and puts apart, each against its own strongest closed form: together one may hide what the other loses."""
    told = []
    for right, part in rows.groupby("right"):
        own = part.reset_index(drop=True)
        losses = _losses(own)
        strongest = str(losses.drop(columns="model").mean().idxmin())
        gain = block_bootstrap(by_day((losses[strongest] - losses["model"]).to_numpy(), own["closed_at"]))
        told.append(f"{right}s alone {gain.mean:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}) against their strongest, {strongest!r}")
    return ", ".join(told)


def _every_year(rows: pd.DataFrame) -> dict[str, str]:
    years = _losses(rows).groupby(rows["timestamp"].dt.year)
    counts = years.size()
    means = years.mean()[counts >= _FEWEST_OF_A_YEAR]
    text = f"In no year is the Brier more than {_NEAR} above that year's best closed form"
    if means.empty:
        return {"text": text, "verdict": "not met", "reason": f"no year has {_FEWEST_OF_A_YEAR} options"}
    few = ", ".join(f"{year} ({count})" for year, count in counts[counts < _FEWEST_OF_A_YEAR].items())
    few = f"; not judged, for fewer than {_FEWEST_OF_A_YEAR} options: {few}" if few else ""
    best = means.drop(columns="model").min(axis=1)
    excess = means["model"] - best
    worst, most = str(excess.idxmax()), float(excess.max())
    # That is the best of all the forms in each year; one form that is named beforehand has worse years.
    steady = means.drop(columns="model").sub(best, axis=0).max()
    form, most_of_form = str(steady.idxmin()), float(steady.min())
    return {
        "text": text,
        "verdict": verdict(kept=most <= _NEAR, simpler=most_of_form <= _NEAR),
        "reason": (
            f"{most:+.4f} in {worst}, the worst of {len(excess)} years; below it in {np.sum(excess < 0)}; the worst year of {form!r} "
            f"alone has {most_of_form:+.4f}{few}"
        ),
    }


def _skill(group: dict[str, Any]) -> dict[str, str]:
    skill = {line["name"]: line["metrics"]["r2"] for line in group["comparison"]}
    simple = max((name for name in skill if name not in ("model", CLIMATOLOGY)), key=skill.__getitem__)
    return {
        "text": "Probabilities know more than the share that is touched in the long run (r2 above 0)",
        "verdict": verdict(kept=skill["model"] > 0, simpler=skill[simple] > 0),
        "reason": f"r2 {skill['model']:.3f}; {simple!r} reaches {skill[simple]:.3f}",
    }
