"""``regime5_xgboost``: which of five regimes rules the market today, and 1, 5 and 21 sessions from now.

Today's regime is a rule over the features, so stating it proves nothing; the product are the three forecasts. There is
one booster a horizon; ahead it starts from how today's regime usually moves on and learns what the features say beyond.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from include.errors import ConfigurationError
from include.universes import Universe
from ml.dataset import Dataset, Source, insufficient, join_known, too_short
from ml.labels.regime5 import REGIMES, ahead, regime5
from ml.methods.boosting import ClassBooster, fit_class_booster, load_class_booster
from ml.methods.transitions import Transitions, as_columns, cautious_markov, certain, majority, markov, persistence
from ml.models.regime_judge import SAME_DAY, judge_regimes
from ml.protocol import Judgement, Predictions

HORIZONS = MappingProxyType({SAME_DAY: 0, "1 day": 1, "5 days": 5, "21 days": 21})
MARKETS = ("SPY", "^GSPC")
VIX = "^VIX"
_MARKET_FEATURES = (
    "return_5",
    "return_20",
    "return_60",
    "close_to_sma_50",
    "sma_50_to_200",
    "rsi_14",
    "volatility_20",
    "volatility_60",
    "volume_ratio_20",
)
_VIX_FEATURES = ("vix", "vix_change_5", "vix_to_mean_20")
_SAME_SESSION = pd.Timedelta(hours=12)
#: Trees a class by sessions ahead: the farther, the fewer independent rows there are to learn from.
_ROUNDS = MappingProxyType({0: 150, 1: 80, 5: 60, 21: 20})
#: Settings that were compared on the years of the walk-forward before these were taken; the card carries it.
_TRIALS = 9
_BOOSTING = MappingProxyType(
    {
        "max_depth": 3,
        "eta": 0.05,
        "subsample": 0.7,
        "colsample_bytree": 0.5,
        "min_child_weight": 2.0,
        "lambda": 5.0,
        "tree_method": "hist",
        "max_bin": 64,
    }
)


@dataclass(frozen=True)
class Regime5Xgboost:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Settings of the boosters, trees by horizon, and the names of the codes."""
        return {
            **_BOOSTING,
            "rounds": {str(sessions): trees for sessions, trees in _ROUNDS.items()},
            "classes": list(REGIMES),
            "trials": _TRIALS,
        }

    def group(self, label: str, symbol: str) -> str:  # noqa: ARG002 - one market only
        """Name the horizon."""
        return label

    def prepare(self, source: Source) -> Dataset:
        """Rows of the market from its first known regime on, with ^VIX as it was known at each row's decision."""
        market = _market(source.universe)
        rows = source.features([market], list(_MARKET_FEATURES))
        closes = source.closes(VIX)
        for symbol, found in ((market, rows), (VIX, closes)):
            if found.empty:
                raise insufficient("regime5_xgboost", f"there are no bars of {symbol}")
        vix = _vix_features(closes)
        joined = join_known(rows, vix, list(_VIX_FEATURES), _SAME_SESSION)
        rows = pd.concat([rows, joined.astype(dict.fromkeys(_VIX_FEATURES, np.float32))], axis=1)
        today = _label(rows, closes)
        reason = too_short(rows.loc[today["value"].notna(), "closed_at"])
        if reason:
            raise insufficient("regime5_xgboost", f"{market} with {VIX}: {reason}")
        begun = today["value"].notna().cummax()
        rows, today = rows[begun].reset_index(drop=True), today[begun].reset_index(drop=True)
        labels = {name: ahead(today, sessions) for name, sessions in HORIZONS.items()}
        features = [name for name in (*_VIX_FEATURES, *_MARKET_FEATURES) if rows[name].notna().any()]
        return Dataset(rows, features, labels)

    def fit(self, known: Dataset, *, seed: int) -> FittedRegimes:
        """Fit one booster a horizon."""
        today, boosters = _today(known.rows), {}
        for name, sessions in HORIZONS.items():
            now, later, taken = _pairs(today, known.labels[name])
            values = known.rows.loc[taken, known.features].to_numpy(np.float32)
            start = _start(sessions, now, later)
            boosters[name] = fit_class_booster(
                values,
                now,
                later,
                start,
                features=known.features,
                params=_BOOSTING,
                rounds=_ROUNDS[sessions],
                seed=seed,
            )
        return FittedRegimes(boosters)

    def load(self, files: Mapping[str, bytes]) -> FittedRegimes:
        """Read back what :meth:`FittedRegimes.files` gave."""
        return FittedRegimes({name: load_class_booster(files, _file(name)) for name in HORIZONS})

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """State the shares in training (majority); for today the rule; ahead, that today's regime stays, and how it usually moves on.

        Where today's regime is not known, the last one that was is taken.
        """
        classes, index = len(REGIMES), data.rows.index
        today, current, stated = _today(known.rows), _today(data.rows), {}
        for name, label in known.labels.items():
            now, later, _ = _pairs(today, label)
            lines = {"majority": majority(later, classes).probabilities(current)}
            if name == SAME_DAY:
                lines["rule"] = certain(current, classes, len(later))
            else:
                lines["persistence"] = persistence(now, later, classes).probabilities(current)
                lines["Markov"] = markov(now, later, classes).probabilities(current)
            stated[name] = pd.concat([as_columns(line, chances, index) for line, chances in lines.items()], axis=1)
        return stated

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.regime_judge.judge_regimes`."""
        return judge_regimes(walk_forward)


@dataclass(frozen=True)
class FittedRegimes:
    """A booster by horizon."""

    boosters: dict[str, ClassBooster]

    def predict(self, data: Dataset) -> Predictions:
        """Likeliest regime ``model`` and probabilities ``p0`` to ``p4``, always all five, in the order of the codes."""
        today, stated = _today(data.rows), {}
        for name, booster in self.boosters.items():
            values = data.rows[list(booster.features)].to_numpy(np.float32)
            stated[name] = as_columns("model", booster.probabilities(values, today), data.rows.index)
        return stated

    def files(self) -> dict[str, bytes]:
        """``horizon_<sessions>.json`` and ``.ubj`` for each horizon."""
        return {file: content for name, booster in self.boosters.items() for file, content in booster.files(_file(name)).items()}


def _market(universe: Universe) -> str:
    market = next((symbol for symbol in MARKETS if symbol in universe.symbols), None)
    if market is None or VIX not in universe.symbols:
        raise ConfigurationError(
            f"regime5_xgboost needs {VIX} and one of {', '.join(MARKETS)}; universe {universe.name!r} has {', '.join(universe.symbols)}"
        )
    return market


def _vix_features(bars: pd.DataFrame) -> pd.DataFrame:
    """Level (points), change over 5 sessions (points), level over its 20-session mean minus 1."""
    close = bars["close"].astype(np.float64)
    mean = close.rolling(20, min_periods=20).mean()
    return bars.assign(vix=close, vix_change_5=close - close.shift(5), vix_to_mean_20=close / mean - 1)


def _label(rows: pd.DataFrame, closes: pd.DataFrame) -> pd.DataFrame:
    """Regime of each session and when it was known: with the later of the market's and ^VIX's close of that session.

    On a half-day that may be after the decision: then it is a label, but no feature yet.
    """
    same = rows[["timestamp"]].merge(closes, on="timestamp", how="left").set_index(rows.index)
    codes = regime5(same["close"], rows["return_20"], rows["close_to_sma_50"])
    known_at = rows["closed_at"].where(~(same["closed_at"] > rows["closed_at"]), same["closed_at"])
    return pd.DataFrame({"value": codes, "known_at": known_at})


def _today(rows: pd.DataFrame) -> np.ndarray:
    """Regime known at each row's decision, the last one that was known where it is not; null before the first."""
    return regime5(rows["vix"], rows["return_20"], rows["close_to_sma_50"]).ffill().to_numpy()


def _pairs(today: np.ndarray, label: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Regime of the day and the regime to state of the rows with a label, and which rows those are."""
    taken = label["value"].notna().to_numpy() & np.isfinite(today)
    return today[taken], label.loc[taken, "value"].to_numpy(), taken


def _start(sessions: int, now: np.ndarray, later: np.ndarray) -> Transitions:
    # Today's class would give today's label away: for the same day the booster starts from the shares.
    return majority(later, len(REGIMES)) if sessions == 0 else cautious_markov(now, later, len(REGIMES))


def _file(horizon: str) -> str:
    return f"horizon_{HORIZONS[horizon]}"
