"""What probabilities to win are worth: Brier beside the gambler's ruin, and what the trades that the model takes earn after costs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from include.errors import ModelError
from ml.protocol import Judgement
from ml.trades import REAL
from ml.validation.binary import auc_within, brier, calibration_error, calibration_line, log_loss
from ml.validation.leaks import FUNCTION_LINE
from ml.validation.metrics import rmse
from ml.validation.significance import Interval, block_bootstrap, by_day, clustered_mean
from ml.validation.verdicts import verdict

WINS, NET_RETURN = "wins", "net return"
GAMBLER, ALIKE = "gambler's ruin", "prior of side and distance"
_BASELINES = ("prior", GAMBLER, ALIKE)
ALL_TAKEN = "all trades taken"
WIN_NOTES = {
    "rmse": "root of the Brier score; lower is better",
    "brier": "mean squared difference of probability and outcome; lower is better",
    "auc_within": "how often a winner got a higher probability than a loser of the same strategy and parameters; 0.5 is chance",
    "log_loss": "mean of -ln of the probability given to what came; lower is better",
    "calibration_error": "mean gap between stated and observed frequency; lower is better",
    "calibration_slope": "1 is honest, below 1 too sure of itself",
    "calibration_intercept": "0 is honest, below 0 too many wins stated",
}
NET_NOTES = {
    "expected_value": "mean of what the trades taken earned after costs, percent of their notional",
    "expected_value_low": "lower end of its 95 % interval, by day",
    "expected_value_high": "upper end of its 95 % interval, by day",
    "share_taken": "share of the trades that are taken; the model takes those that it states to earn more than nothing",
    "rmse": "root of the mean squared error of the stated net return, percent; lower is better",
}
#: Above the AUC that side and distance alone give, on so many trades; the facts behind it: docs/trading.md.
_LEAK_BEYOND, _LEAK_TRADES, _CHANCE = 0.05, 1000, 0.5
_FEWEST_TAKEN, _FEWEST_REAL = 30, 40


def judge_edge(walk_forward: pd.DataFrame) -> Judgement:
    """Judge all trades together and by symbol, real ones apart where there are enough.

    Raises
    ------
    ModelError
        If winners are told from losers better than anything honest can: then the future leaked into the features.
    """
    parts = {str(label): rows.dropna(axis=1, how="all") for label, rows in walk_forward.groupby("label")}
    wins, net = parts[WINS], parts[NET_RETURN]
    groups = [_win_group(WINS, wins, {}), _net_group(NET_RETURN, net, {})]
    symbols = list(wins["symbol"].unique())
    if len(symbols) > 1:
        groups += [_win_group(str(symbol), wins[wins["symbol"] == symbol], {"symbol": symbol}) for symbol in symbols]
    real = wins["origin"] == REAL
    if real.sum() >= _FEWEST_REAL:
        groups.append(_win_group("real trades", wins[real], {"origin": REAL}))
        groups.append(_net_group("net return of real trades", net[net["origin"] == REAL], {"origin": REAL}))
    _refuse_leak(groups[0])
    closed = _why_closed(net)
    promises = [_beats_the_odds(wins), _earns(net, closed)]
    return Judgement(groups, promises, {"name": "rmse", "unit": "of each group", "lower_is_better": True}, no_trade=closed)


def _win_group(name: str, rows: pd.DataFrame, where: dict[str, str]) -> dict[str, Any]:
    comparison = [
        {"name": line, "role": "model" if line == "model" else "baseline", "metrics": _win_metrics(rows, line)}
        for line in ("model", *_BASELINES)
    ]
    facts = {"metric_notes": WIN_NOTES, "rows": len(rows), "won": float(rows["actual"].mean())}
    return {"name": name, "where": {"label": WINS, **where}, **facts, "comparison": comparison}


def _win_metrics(rows: pd.DataFrame, line: str) -> dict[str, float]:
    came, stated = rows["actual"].to_numpy(), rows[line].to_numpy()
    metrics = {"rmse": rmse(came, stated), "brier": brier(came, stated)}
    if (auc := auc_within(came, stated, rows["strategy"].to_numpy())) is not None:
        metrics["auc_within"] = auc
    metrics |= {"log_loss": log_loss(came, stated), "calibration_error": calibration_error(came, stated)}
    fitted = None if line == "prior" else calibration_line(came, stated)
    return metrics if fitted is None else {**metrics, "calibration_slope": fitted.slope, "calibration_intercept": fitted.intercept}


def _net_group(name: str, rows: pd.DataFrame, where: dict[str, str]) -> dict[str, Any]:
    lines = {"model": ("model", rows["model"] > 0), ALL_TAKEN: ("mean", pd.Series(True, index=rows.index))}
    comparison = []
    for line, (column, taken) in lines.items():
        metrics = {"share_taken": float(taken.mean()), "rmse": rmse(rows["actual"].to_numpy(), rows[column].to_numpy())}
        if found := _expected_value(rows, taken):
            metrics |= {"expected_value": found.mean, "expected_value_low": found.low, "expected_value_high": found.high}
        comparison.append({"name": line, "role": "model" if line == "model" else "baseline", "metrics": metrics})
    return {"name": name, "where": {"label": NET_RETURN, **where}, "metric_notes": NET_NOTES, "rows": len(rows), "comparison": comparison}


def _expected_value(rows: pd.DataFrame, taken: pd.Series) -> Interval | None:
    """What the trades taken earned, percent; None where they are too few to tell."""
    if taken.sum() < _FEWEST_TAKEN:
        return None
    chosen = rows[taken]
    return clustered_mean(chosen["actual"].to_numpy(), chosen["closed_at"])


def _refuse_leak(group: dict[str, Any]) -> None:
    auc = {line["name"]: line["metrics"].get("auc_within", _CHANCE) for line in group["comparison"]}
    # Nothing honest comes near certainty, however much arithmetic explains.
    line = min(max(_CHANCE, auc[ALIKE]) + _LEAK_BEYOND, FUNCTION_LINE)
    if auc["model"] > line and group["rows"] >= _LEAK_TRADES:
        raise ModelError(
            f"edge: winners are told from losers of the same strategy with an AUC of {auc['model']:.3f} on {group['rows']} trades, more "
            f"than knowledge of the past can give ({line:.3f}); look for the future in the features and in the purge by exit"
        )


def _why_closed(net: pd.DataFrame) -> str | None:
    """Why no trade may be taken, or None."""
    taken = net["model"] > 0
    found = _expected_value(net, taken)
    if found is None:
        return f"of {len(net)} trades the model would have taken {int(taken.sum())}; on fewer than {_FEWEST_TAKEN} nothing can be said"
    if found.low > 0:
        return None
    return (
        f"the {int(taken.sum())} trades that the model would have taken earned {found.mean:+.3f} % after costs, 95 % interval by day "
        f"{found.low:+.3f} to {found.high:+.3f} %: not above 0"
    )


def _beats_the_odds(wins: pd.DataFrame) -> dict[str, str]:
    losses = wins[["model", *_BASELINES]].sub(wins["actual"], axis=0) ** 2
    strongest = str(losses.drop(columns="model").mean().idxmin())
    gain = block_bootstrap(by_day((losses[strongest] - losses["model"]).to_numpy(), wins["closed_at"]))
    return {
        "text": "Wins are stated with a lower Brier (the square of the RMSE) than by the shares that won before and by the gambler's ruin",
        "verdict": verdict(kept=gain.low > 0, simpler=False),  # the strongest of what is simpler is what it is compared with
        "reason": (
            f"Brier {losses['model'].mean():.4f} against {losses[strongest].mean():.4f} of {strongest!r}; gain a day {gain.mean:+.4f}, "
            f"95 % interval {gain.low:+.4f} to {gain.high:+.4f}"
        ),
    }


def _earns(net: pd.DataFrame, closed: str | None) -> dict[str, str]:
    everything = clustered_mean(net["actual"].to_numpy(), net["closed_at"])
    told = f"no edge, so the answer is NO_TRADE: {closed}" if closed else _earned(net[net["model"] > 0], "trades taken")
    return {
        "text": "The trades that the model takes earn something after costs",
        "verdict": verdict(kept=not closed, simpler=everything.low > 0),
        "reason": f"{told}; {_earned(net, 'trades in all')}",
    }


def _earned(rows: pd.DataFrame, what: str) -> str:
    found = clustered_mean(rows["actual"].to_numpy(), rows["closed_at"])
    return f"{len(rows)} {what} earned {found.mean:+.3f} % ({found.low:+.3f} to {found.high:+.3f} %)"
