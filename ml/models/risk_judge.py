"""What stated excursions are worth: quantile loss beside simple quantiles and the stop, and how many trades stayed within.

There is no line beyond which a loss is a leak, since none tells one from an honest reading (figures in docs/trading.md): of trades that
end at their stop nothing can be saved, of those that are left after few bars a good part.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ml.protocol import Judgement
from ml.validation.metrics import pinball_losses
from ml.validation.significance import Interval, clustered_mean
from ml.validation.verdicts import verdict

LEVEL = 0.95
UNCONDITIONAL, RANGES, STOP = "unconditional quantile", "quantile in average ranges", "distance of the stop"
METRIC_NOTES = {
    "pinball_95": "quantile loss at 95 %, percent of the entry price; lower is better",
    "coverage_95": "share of trades that went no further against their holder than stated; 0.95 is honest",
    "mean_stated": "mean of what is stated, percent of the entry price",
}
#: Share of the loss of the better reference that must be saved: less is a matter of decimals.
_MATERIAL = 0.01
_ROLES = {"model": "model", UNCONDITIONAL: "baseline", RANGES: "baseline", STOP: "baseline"}


def judge_risk(walk_forward: pd.DataFrame) -> Judgement:
    """Judge all trades together and by symbol."""
    rows = walk_forward.dropna(axis=1, how="all")
    groups = [_judge_group("all trades", rows, {"label": str(rows["label"].iloc[0])})]
    by_symbol = {str(symbol): part for symbol, part in rows.groupby("symbol", sort=False)}
    if len(by_symbol) > 1:
        groups += [_judge_group(symbol, part, {"symbol": symbol}) for symbol, part in by_symbol.items()]
    return Judgement(
        groups, [_beats_the_quantile(rows), _covers(rows)], {"name": "pinball_95", "unit": "% of the entry price", "lower_is_better": True}
    )


def _judge_group(name: str, rows: pd.DataFrame, where: dict[str, str]) -> dict[str, Any]:
    actual = rows["actual"].to_numpy()
    comparison = []
    for line, role in _ROLES.items():
        stated = rows[line].to_numpy()
        metrics = {
            "pinball_95": float(pinball_losses(actual, stated, LEVEL).mean()),
            "coverage_95": float(np.mean(actual <= stated)),
            "mean_stated": float(stated.mean()),
        }
        comparison.append({"name": line, "role": role, "metrics": metrics})
    return {"name": name, "where": where, "metric_notes": METRIC_NOTES, "rows": len(rows), "comparison": comparison}


def _beats_the_quantile(rows: pd.DataFrame) -> dict[str, str]:
    actual = rows["actual"].to_numpy()
    losses = {line: pinball_losses(actual, rows[line].to_numpy(), LEVEL) for line in _ROLES}
    simple = min((RANGES, STOP), key=lambda line: float(losses[line].mean()))
    gains = {line: clustered_mean(losses[line] - losses["model"], rows["closed_at"]) for line in (UNCONDITIONAL, simple)}
    gain, beyond = gains[UNCONDITIONAL], gains[simple]
    material = _MATERIAL * float(losses[simple].mean())
    return {
        "text": "Excursions are bounded with a lower quantile loss than by the unconditional quantile",
        "verdict": verdict(kept=gain.low > 0, simpler=beyond.low <= material),
        "reason": (
            f"{losses['model'].mean():.4f} against {losses[UNCONDITIONAL].mean():.4f} %, gain {_told(gain)}; {simple!r} alone reaches "
            f"{losses[simple].mean():.4f} %, gain over it {_told(beyond)}"
        ),
    }


def _told(gain: Interval) -> str:
    return f"{gain.mean:+.2g} ({gain.low:+.2g} to {gain.high:+.2g})"


def _covers(rows: pd.DataFrame) -> dict[str, str]:
    within = (rows["actual"] <= rows["model"]).to_numpy(np.float64)
    found = clustered_mean(within, rows["closed_at"])
    return {
        "text": "19 trades of 20 stay within what is stated",
        "verdict": verdict(kept=found.low <= LEVEL <= found.high, simpler=False),
        "reason": f"{found.mean:.1%}, 95 % interval by day {found.low:.1%} to {found.high:.1%}",
    }
