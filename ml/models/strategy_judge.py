"""What the choice of strategies is worth: as probabilities beside simple ones, and as stakes beside putting the same on all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from include.errors import ModelError
from ml.protocol import Judgement
from ml.validation.binary import brier, calibration_error, calibration_line, log_loss
from ml.validation.deflated_sharpe import ACCEPTED, Deflated, deflated_sharpe, sharpe_ratio
from ml.validation.losses import row_losses
from ml.validation.overfitting import Overfitting, overfitting
from ml.validation.significance import Interval, block_bootstrap, by_day
from ml.validation.verdicts import simpler_keepers, verdict

ALL = "all strategies"
LINES = ("model", "majority", "past Sharpe", "logistic")
#: Stakes that need no forecast.
STAKES = {"equal stake": 1.0, "always skip": 0.0}
METRIC_NOTES = {
    "log_loss": "mean of -ln of the probability given to what came; lower is better",
    "auc": "how often a window with a profit was given more probability than one with a loss; 0.5 is no relation",
    "brier": "mean squared difference of probability and outcome; lower is better",
    "accuracy": "share of windows whose likelier outcome came",
    "calibration_error": "mean gap between stated and observed frequency; lower is better",
    "calibration_slope": "1 is honest, below 1 too sure of itself",
    "taken": "share of strategies that got a stake",
    "net_return": "mean over decision dates of the return of an equal part of equity on each strategy that gets a stake, after costs",
    "sharpe": "mean by standard deviation of these returns, per window, not annualised",
    "max_drawdown": "largest fall of the equity that these returns make; lower is better",
}
_LEAK_LINE, _LEAK_ROWS, _MANY_DATES = 0.56, 1000, 40
_DRAWS = 300
_FEWEST_DATES = 8
_OVERFITTED = 0.05


def judge_strategies(walk_forward: pd.DataFrame, *, more_trials: int = 0) -> Judgement:
    """Judge all symbols together, then each by itself.

    Parameters
    ----------
    walk_forward
        Has ``net_return``, what the window earned, and ``tried``, how many strategies were simulated, beside the statements.
    more_trials
        Trials of a search for parameters, which count when luck is taken off.

    Raises
    ------
    ModelError
        If profits are told from losses better than anything honest can: then the future leaked into it.
    """
    rows = walk_forward.reset_index(drop=True)
    _refuse_leak(rows)
    groups = [_judge_group(ALL, rows, {"label": str(rows["label"].iloc[0])})]
    groups += [_judge_group(str(symbol), part, {"symbol": str(symbol)}) for symbol, part in rows.groupby("symbol")]
    promises = [_foretells(rows), _earns(rows), _survives(rows, more_trials), _is_not_overfitted(rows)]
    metric = {"name": "log_loss", "unit": "nats", "lower_is_better": True}
    return Judgement(groups, promises, metric, groups[0]["comparison"][0]["metrics"]["accuracy"])


def by_date(rows: pd.DataFrame, stake: np.ndarray | pd.Series) -> pd.Series:
    """Return of each decision date: an equal part of equity for each row, ``stake`` of it risked."""
    returns = pd.Series(np.asarray(stake, dtype=np.float64) * rows["net_return"].to_numpy(), index=rows.index)
    mean: pd.Series = returns.groupby(rows["closed_at"]).mean().sort_index()
    return mean


def strategy_returns(rows: pd.DataFrame) -> pd.DataFrame:
    """Return of each strategy (columns) at each decision date, mean over its symbols; 0 where it had none."""
    return rows.pivot_table(index="closed_at", columns="strategy", values="net_return", aggfunc="mean").fillna(0.0)


def deflated(rows: pd.DataFrame, more_trials: int, line: str = "model") -> Deflated:
    """Deflate the Sharpe ratio of what the model, or a baseline, stakes, by all strategies that were simulated and all trials of a search.

    A strategy that has no row (it never traded, or never scored enough) was tried as well. There are no twins by window; windows
    follow each other and share no trade, so luck is that of independent returns.
    """
    chosen = by_date(rows, rows[line]).to_numpy()
    return deflated_sharpe(chosen, 1 + int(rows["tried"].max()) + more_trials)


def overfitted(returns: pd.DataFrame) -> Overfitting | None:
    """Split the dates of :func:`strategy_returns` into halves in every way; None where there are too few to tell."""
    return overfitting(returns.to_numpy()) if len(returns) >= _FEWEST_DATES and returns.shape[1] > 1 else None


def _judge_group(name: str, rows: pd.DataFrame, where: dict[str, str]) -> dict[str, Any]:
    comparison = [
        {"name": line, "role": "model" if line == "model" else "baseline", "metrics": {**_chances(rows, line), **_stakes(rows, rows[line])}}
        for line in LINES
    ]
    for line, stake in STAKES.items():
        comparison.append({"name": line, "role": "baseline", "metrics": _stakes(rows, np.full(len(rows), stake))})
    return {"name": name, "where": where, "metric_notes": METRIC_NOTES, "rows": len(rows), "comparison": comparison}


def _chances(rows: pd.DataFrame, line: str) -> dict[str, float]:
    came, chance = rows["actual"].to_numpy(), _profit(rows, line)
    metrics = {"log_loss": log_loss(came, chance)}
    if np.ptp(came) > 0:
        metrics["auc"] = float(roc_auc_score(came, chance))
    metrics |= {
        "brier": brier(came, chance),
        "accuracy": float(np.mean((chance > 0.5) == came)),
        "calibration_error": calibration_error(came, chance),
    }
    fitted = calibration_line(came, chance) if line == "model" else None
    return metrics if fitted is None else {**metrics, "calibration_slope": fitted.slope}


def _stakes(rows: pd.DataFrame, stake: np.ndarray | pd.Series) -> dict[str, float]:
    returns = by_date(rows, stake).to_numpy()
    equity = np.cumprod(1.0 + np.concatenate([[0.0], returns]))
    return {
        "taken": float(np.mean(np.asarray(stake) > 0)),
        "net_return": float(returns.mean()),
        "sharpe": sharpe_ratio(returns),
        "max_drawdown": float(np.max(1.0 - equity / np.maximum.accumulate(equity))),
    }


def _profit(rows: pd.DataFrame, line: str) -> np.ndarray:
    return rows["p1" if line == "model" else f"{line} p1"].to_numpy(np.float64)


def _auc_interval(rows: pd.DataFrame) -> Interval:
    """AUC with a 95 % interval from drawing whole decision dates anew: all strategies of a date share one market."""
    came, chance = rows["actual"].to_numpy(), _profit(rows, "model")
    places = [part.to_numpy() for part in rows.groupby("closed_at").groups.values()]
    luck, found = np.random.default_rng(0), []
    for _ in range(_DRAWS):
        drawn = np.concatenate([places[place] for place in luck.integers(0, len(places), len(places))])
        if np.ptp(came[drawn]) > 0:
            found.append(roc_auc_score(came[drawn], chance[drawn]))
    low, high = np.quantile(found, [0.025, 0.975]) if found else (0.0, 1.0)
    return Interval(float(roc_auc_score(came, chance)), float(low), float(high))


def _refuse_leak(rows: pd.DataFrame) -> None:
    if len(rows) < _LEAK_ROWS or np.ptp(rows["actual"]) == 0:
        return
    auc, dates = _auc_interval(rows), rows["closed_at"].nunique()
    # On few dates one market move that all strategies share brings as much; there it must be more than luck.
    if auc.mean > _LEAK_LINE and (dates >= _MANY_DATES or auc.low > 0.5):
        raise ModelError(
            f"profits are told from losses with an AUC of {auc.mean:.3f} on {len(rows)} rows of {dates} dates, more than knowledge of the "
            f"past can give ({_LEAK_LINE}); look for the next window in the features before training again"
        )


def _foretells(rows: pd.DataFrame) -> dict[str, str]:
    losses = {line: row_losses(rows, line, "log_loss") for line in LINES}
    gain = block_bootstrap(by_day(losses["majority"] - losses["model"], rows["closed_at"]))
    met = gain.low > 0
    simpler = simpler_keepers(losses, "majority", rows["closed_at"]) if met else []
    auc = f"; AUC {roc_auc_score(rows['actual'], _profit(rows, 'model')):.3f}" if np.ptp(rows["actual"]) > 0 else ""
    also = f"; but the simpler {simpler[0]!r} reaches {losses[simpler[0]].mean():.4f}" if simpler else ""
    return {
        "text": "A profit in the next window is foretold with a lower log-loss than by the share of profits (majority)",
        "verdict": verdict(kept=met, simpler=bool(simpler)),
        "reason": (
            f"{'' if met else 'no edge found: '}log-loss {losses['model'].mean():.4f} against {losses['majority'].mean():.4f}; gain a date "
            f"{gain.mean:+.4f}, 95 % interval {gain.low:+.4f} to {gain.high:+.4f}{auc}{also}"
        ),
    }


def _earns(rows: pd.DataFrame) -> dict[str, str]:
    alone, more = _earned(rows, "model")
    met = more.low > 0 and alone.low > 0
    simpler = [line for line in LINES[1:] if min(part.low for part in _earned(rows, line)) > 0] if met else []
    also = f"; but the stakes of the simpler {simpler[0]!r} earn more than both as well" if simpler else ""
    return {
        "text": "Its stakes earn more than the same stake on all strategies, and more than nothing, after costs",
        "verdict": verdict(kept=met, simpler=bool(simpler)),
        "reason": (
            f"{'' if met else 'no edge found: '}{alone.mean:+.3%} a window (95 % interval {alone.low:+.3%} to {alone.high:+.3%}), "
            f"{more.mean:+.3%} against equal stakes ({more.low:+.3%} to {more.high:+.3%}), on {rows['closed_at'].nunique()} dates{also}"
        ),
    }


def _earned(rows: pd.DataFrame, line: str) -> tuple[Interval, Interval]:
    """Return a window of a line's stakes, and how much more that is than of the same stake on all."""
    own, equal = by_date(rows, rows[line]), by_date(rows, np.ones(len(rows)))
    return block_bootstrap(own.to_numpy()), block_bootstrap((own - equal).to_numpy())


def _survives(rows: pd.DataFrame, more_trials: int) -> dict[str, str]:
    found = deflated(rows, more_trials)
    met = found.probability > ACCEPTED
    simpler = [line for line in LINES[1:] if deflated(rows, 0, line).probability > ACCEPTED] if met else []
    also = f"; so does that of the simpler {simpler[0]!r}" if simpler else ""
    return {
        "text": "Its Sharpe ratio survives the number of trials",
        "verdict": verdict(kept=met, simpler=bool(simpler)),
        "reason": (
            f"{'' if met else 'no edge found: '}Sharpe ratio {found.sharpe:.3f} a window, the best of {found.trials} trials without skill "
            f"has {found.expected_maximum:.3f}; deflated Sharpe ratio {found.probability:.3f}, {ACCEPTED} is asked for{also}"
        ),
    }


def _is_not_overfitted(rows: pd.DataFrame) -> dict[str, str]:
    text, returns = "The best strategy of one half of the time stays above the median in the other", strategy_returns(rows)
    found = overfitted(returns)
    if found is None:
        reason = f"{len(returns)} dates and {returns.shape[1]} strategies are too few to tell; {_FEWEST_DATES} dates are needed"
        return {"text": text, "verdict": verdict(kept=False, simpler=False), "reason": reason}
    return {
        "text": text,
        "verdict": verdict(kept=found.probability < _OVERFITTED, simpler=False),
        "reason": (
            f"probability of overfitting {found.probability:.2f} over {len(found.logits)} splits, luck gives 0.50; the best has a "
            f"Sharpe ratio of {found.chosen:.3f} a window where it was chosen, {found.later:.3f} in the other half"
        ),
    }
