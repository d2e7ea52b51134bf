"""What the strategy models share: rows, label and baselines.

One row is a strategy on a symbol at a decision date, when a window begins: what its past window was worth and what the market looked
like then. The label is whether the window that begins ends with a profit. A score of the past window may filter rows, for it was known;
it never is the label, since a label made of its own features is foretold perfectly and worth nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

from include.errors import ConfigurationError, InsufficientDataError, NoEdgeError, UnsuitableError
from ml.backtests import PAST, BacktestSource
from ml.dataset import Dataset, Source
from ml.methods.logistic import fit_plain_logistic
from ml.methods.transitions import as_columns, majority
from ml.models.strategy_judge import judge_strategies
from ml.protocol import Judgement, Predictions
from ml.validation.leaks import refuse_function
from ml.validation.significance import block_bootstrap

NEXT = "next window"
OUTCOMES = ("loss", "profit")
#: Column of the label that holds what the next window earned, a fraction of equity after costs.
NET_RETURN = "net_return"
#: Column of the label that holds how many strategies were simulated, also those that never traded or never scored enough.
TRIED = "tried"
#: Backtests whose next window is known, and what must be left of them when the past window's score has filtered.
FEWEST_BACKTESTS, FEWEST_LEFT = 1000, 400
MIN_SCORE, LEAST_MIN_SCORE = 0.5, 0.3
_LATER_SHARE = 0.2


class Searched(NamedTuple):
    """A search for parameters, on decision dates before ``until`` (ISO date); ``trials`` are those of all searches for the model."""

    trials: int
    until: str


@dataclass(frozen=True)
class StrategyModel:
    """The question that all strategy models answer; each adds how it learns.

    ``min_composite_score`` is the least score of the past window, ``searched`` says how its parameters were found (None: not searched).
    """

    min_composite_score: float = MIN_SCORE
    searched: Searched | None = field(default=None, kw_only=True)

    def group(self, label: str, symbol: str) -> str:  # noqa: ARG002 - one label only
        """Name the symbol."""
        return symbol

    def question(self) -> dict[str, Any]:
        """Part of the params that all strategy models have."""
        return {
            "min_composite_score": self.min_composite_score,
            "classes": list(OUTCOMES),
            "searched": None if self.searched is None else self.searched._asdict(),
        }

    def prepare(self, source: Source) -> Dataset:
        """Rows whose past window scored at least ``min_composite_score``.

        Raises
        ------
        ConfigurationError
            If the least score is below 0.3 or above 1.
        UnsuitableError
            If there are no backtests.
        NoEdgeError
            If 1000 backtests have an outcome, but fewer than 400 of them are left after the filter, and these earned nothing.
        InsufficientDataError
            If fewer than 1000 backtests have an outcome, or those few that the filter left did earn something.
        ModelError
            If the outcome is a function of what was known before.
        """
        if not LEAST_MIN_SCORE <= self.min_composite_score <= 1:
            raise ConfigurationError(f"min_composite_score {self.min_composite_score} is not {LEAST_MIN_SCORE} to 1")
        return self._dataset(source, self.min_composite_score)

    def prepare_unfiltered(self, source: Source) -> Dataset:
        """Rows whatever their past window scored; to stand beside."""
        return self._dataset(source, None)

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """State the share of profits in training (majority), and what the past window says: its Sharpe ratio alone, and all figures."""
        taken, came = learned(known)
        lines = {"majority": majority(came, 2).probabilities(np.full(len(data.rows), np.nan))}
        for name, columns in (("past Sharpe", ["sharpe_ratio"]), ("logistic", list(PAST))):
            if np.ptp(came) == 0:
                lines[name] = lines["majority"]
                continue
            fitted = fit_plain_logistic(values(known.rows[taken], columns), came)
            lines[name] = two_columns(expit(fitted.logits(values(data.rows, columns))))
        return {NEXT: pd.concat([as_columns(line, chances, data.rows.index) for line, chances in lines.items()], axis=1)}

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.strategy_judge.judge_strategies`."""
        return judge_strategies(walk_forward, more_trials=self.searched.trials if self.searched else 0)

    def _dataset(self, source: Source, least: float | None) -> Dataset:
        if not isinstance(source, BacktestSource):
            raise UnsuitableError("strategies are learnt from backtests; run simulate_trades, then train_strategies")
        rows = source.decisions()
        backtests = int(rows["next_return"].notna().sum())
        if backtests < FEWEST_BACKTESTS:
            raise InsufficientDataError(
                f"Insufficient data for training: {backtests} backtests have a next window with trades, {FEWEST_BACKTESTS} are needed; "
                "simulate more strategies, symbols or windows"
            )
        rows = rows.assign(value=(rows["next_return"] > 0).astype(np.float64).where(rows["next_return"].notna()))
        # On all rows: whoever says "no edge" must not have been fed the answer either.
        refuse_function(values(rows, _features(source, rows)), rows["value"].to_numpy())
        if least is not None:
            good = rows["composite_score"] >= least
            _refuse_few(rows[rows["value"].notna()], good, least)
            rows = rows[good].reset_index(drop=True)
        features = _features(source, rows)
        label = rows[["value", "next_known_at", "next_return"]].set_axis(["value", "known_at", NET_RETURN], axis=1)
        label = label.assign(**{TRIED: source.results["strategy"].nunique()})
        rows = rows.drop(columns=["value", "next_return", "next_known_at"])
        left_out = {
            symbol.symbol: "it has no backtests" for symbol in source.universe.instruments if symbol.symbol not in set(rows["symbol"])
        }
        judged_from = pd.Timestamp(self.searched.until, tz="UTC") if self.searched else None
        learnt_from = source.runs.facts(source.results["run_id"])
        return Dataset(rows, features, {NEXT: label}, left_out | source.runs.reasons, ["strategy"], judged_from, learnt_from)


def _features(source: BacktestSource, rows: pd.DataFrame) -> list[str]:
    return [*PAST, *(name for name in source.market_features() if rows[name].notna().any())]


def _refuse_few(rows: pd.DataFrame, good: pd.Series, least: float) -> None:
    """Say what it means where the filter leaves too few rows to learn from: no edge, or too little data to tell one."""
    left = rows[good.loc[rows.index]]
    if len(left) >= FEWEST_LEFT:
        return
    scored = f"{len(left)} of {len(rows)} backtests scored {least} or more in the past window, {FEWEST_LEFT} are needed to learn a choice"
    if left.empty:
        raise NoEdgeError(f"No edge after costs: {scored}")
    own, everything = (block_bootstrap(part.groupby("closed_at")["next_return"].mean().to_numpy()) for part in (left, rows))
    told = (
        f"{scored}; in the next window they earned {own.mean:+.2%} (95 % interval by date {own.low:+.2%} to {own.high:+.2%}), all "
        f"backtests {everything.mean:+.2%}"
    )
    if own.low > 0:
        raise InsufficientDataError(f"Insufficient data for training: {told}; simulate more strategies, symbols or windows")
    raise NoEdgeError(f"No edge after costs: {told}")


def two_columns(profit: np.ndarray) -> np.ndarray:
    """Probabilities of loss and profit, shape (rows, 2), from that of profit."""
    return np.column_stack([1.0 - profit, profit])


def learned(known: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Rows with a label, as a mask, and what came (1: profit)."""
    value = known.labels[NEXT]["value"]
    taken = value.notna().to_numpy()
    return taken, value[taken].to_numpy(np.float64)


def values(rows: pd.DataFrame, features: list[str]) -> np.ndarray:
    """Features as float64, shape (rows, features); what is not finite (a profit factor without a loss) is null."""
    found = rows[features].to_numpy(np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def two_parts(known: Dataset, taken: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Masks of an earlier and a later part of the rows ``taken``: the last fifth of the dates, and what was known when it begins.

    What was learnt from the earlier part is calibrated on the later.
    """
    decided, known_at = known.rows.loc[taken, "closed_at"], known.labels[NEXT].loc[taken, "known_at"]
    dates = np.sort(decided.unique())
    boundary = dates[int(len(dates) * (1.0 - _LATER_SHARE))]
    return (known_at <= boundary).to_numpy(), (decided >= boundary).to_numpy()
