"""What stated costs are worth: absolute error beside constants, real trades apart from simulated ones.

There is no error too small to be honest, so no line beyond which it is a leak: the cost of a simulated trade is a formula of features,
and that of a real one can be a broker's list of fees.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from ml.protocol import Judgement
from ml.trades import REAL, SIMULATED
from ml.validation.losses import row_losses
from ml.validation.metrics import coverage, mae, pinball_losses
from ml.validation.significance import clustered_mean
from ml.validation.verdicts import MET, verdict

METRIC_NOTES = {
    "mae": "mean absolute error, basis points; lower is better",
    "pinball_95": "loss as a bound that 95 % of the costs stay below, basis points; lower is better",
    "coverage_90": "share of costs inside the stated 90 % interval",
}
_LINES = ("model", "constant", "constant a symbol", "fees only")
_NAMES = {SIMULATED: "simulated trades", REAL: "real trades"}
_FEWEST_REAL = 40
_ONLY_SIMULATED = (
    "every trade is simulated: this only relearns the simulator's own formula of costs and says nothing of what trading really costs; "
    "import real fills (import_fills) to learn that"
)


def judge_friction(walk_forward: pd.DataFrame) -> Judgement:
    """Judge simulated and real trades as groups of their own; real ones decide where there are enough."""
    rows = walk_forward.dropna(axis=1, how="all")
    parts = {origin: rows[rows["origin"] == origin] for origin in (SIMULATED, REAL)}
    groups = [_judge_group(origin, part) for origin, part in parts.items() if len(part)]
    enough = len(parts[REAL]) >= _FEWEST_REAL
    promise = _beats_constants(parts[REAL] if enough else rows)
    if not enough:
        told = (
            _ONLY_SIMULATED if parts[REAL].empty else f"only {len(parts[REAL])} trades are real; {_FEWEST_REAL} are needed to judge by them"
        )
        # Whoever wrote the simulator knows its formula.
        promise |= {"verdict": verdict(kept=promise["verdict"] == MET, simpler=True), "reason": f"{told}; {promise['reason']}"}
    return Judgement(groups, [promise], {"name": "mae", "unit": "basis points", "lower_is_better": True})


def _judge_group(origin: str, rows: pd.DataFrame) -> dict[str, Any]:
    comparison = [{"name": line, "role": "model" if line == "model" else "baseline", "metrics": _metrics(rows, line)} for line in _LINES]
    return {"name": _NAMES[origin], "where": {"origin": origin}, "metric_notes": METRIC_NOTES, "rows": len(rows), "comparison": comparison}


def _metrics(rows: pd.DataFrame, line: str) -> dict[str, float]:
    actual = rows["actual"].to_numpy()
    upper = rows["upper" if line == "model" else line].to_numpy()
    metrics = {"mae": mae(actual, rows[line].to_numpy()), "pinball_95": float(pinball_losses(actual, upper, 0.95).mean())}
    return metrics | ({"coverage_90": coverage(actual, rows["lower"].to_numpy(), upper)} if line == "model" else {})


def _beats_constants(rows: pd.DataFrame) -> dict[str, str]:
    losses = {line: row_losses(rows, line, "mae") for line in _LINES}
    strongest = min(_LINES[1:], key=lambda line: float(losses[line].mean()))
    gain = clustered_mean(losses[strongest] - losses["model"], rows["closed_at"])
    return {
        "text": "Costs are stated with a smaller error than by the best constant",
        "verdict": verdict(kept=gain.low > 0, simpler=False),
        "reason": (
            f"MAE {losses['model'].mean():.2f} against {losses[strongest].mean():.2f} basis points of {strongest!r}; gain "
            f"{gain.mean:+.2f}, 95 % interval {gain.low:+.2f} to {gain.high:+.2f}"
        ),
    }
