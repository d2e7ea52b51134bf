"""What the regime models share: one market with ^VIX as it was known, today's regime, the regimes ahead, and the baselines."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import pandas as pd

from include.errors import ModelError, UnsuitableError
from include.universes import Universe
from ml.dataset import Dataset, Source, insufficient, join_known, too_short
from ml.labels.regime5 import ahead
from ml.methods.transitions import Transitions, as_columns, cautious_markov, certain, majority, markov, persistence
from ml.models.regime_judge import SAME_DAY
from ml.protocol import Predictions

#: Sessions ahead by the name of the label.
HORIZONS = MappingProxyType({SAME_DAY: 0, "1 day": 1, "5 days": 5, "21 days": 21})
MARKETS = ("SPY", "^GSPC")
VIX = "^VIX"
VIX_FEATURES = ("vix", "vix_change_5", "vix_to_mean_20")
_SAME_SESSION = pd.Timedelta(hours=12)

#: From ^VIX in points and the market's rows to a table with ``value`` on their index: codes, null where an input is.
Rule = Callable[[pd.Series, pd.DataFrame], pd.DataFrame]


def regime_dataset(source: Source, model_id: str, names: tuple[str, ...], rule: Rule, told: tuple[str, ...] = ()) -> Dataset:
    """Rows of the market from its first known regime on, with ^VIX as it was known at each row's decision, and a label a horizon.

    Parameters
    ----------
    names
        Features of the market.
    rule
        Gives a session's regime.
    told
        Further columns of the rule, as known at each row's decision, that go into the stored predictions.

    Raises
    ------
    UnsuitableError
        If the universe has no market or no ^VIX.
    ModelError
        If there is none of either; InsufficientDataError, if there is too little.
    """
    market = _market(source.universe, model_id)
    rows = source.features([market], list(names))
    closes = source.closes(VIX)
    for symbol, found in ((market, rows), (VIX, closes)):
        if found.empty:
            raise ModelError(
                f"No data found for {model_id}: there are no bars of {symbol}; run backfill_market with {source.universe.name}"
            )
    joined = join_known(rows, _vix_features(closes), list(VIX_FEATURES), _SAME_SESSION)
    rows = pd.concat([rows, joined.astype(dict.fromkeys(VIX_FEATURES, np.float32))], axis=1)
    today = _label(rows, closes, rule)
    reason = too_short(rows.loc[today["value"].notna(), "closed_at"])
    if reason:
        raise insufficient(model_id, f"{market} with {VIX}: {reason}")
    begun = today["value"].notna().cummax()
    rows, today = rows[begun].reset_index(drop=True), today[begun].reset_index(drop=True)
    rows = rows.assign(**{name: rule(rows["vix"], rows)[name].ffill() for name in told})
    labels = {name: ahead(today, sessions) for name, sessions in HORIZONS.items()}
    features = [name for name in (*VIX_FEATURES, *names) if rows[name].notna().any()]
    return Dataset(rows, features, labels, particulars=list(told))


def known_today(rows: pd.DataFrame, rule: Rule) -> np.ndarray:
    """Regime known at each row's decision, the last one that was known where it is not; null before the first."""
    return rule(rows["vix"], rows)["value"].ffill().to_numpy()


def pairs(today: np.ndarray, label: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Regime of the day and the regime to state of the rows with a label, and which rows those are."""
    taken = label["value"].notna().to_numpy() & np.isfinite(today)
    return today[taken], label.loc[taken, "value"].to_numpy(), taken


def start(label: str, now: np.ndarray, later: np.ndarray, classes: int) -> Transitions:
    """Where a model of this label starts from."""
    # Today's class would give today's label away: for the same day it is the shares.
    return majority(later, classes) if label == SAME_DAY else cautious_markov(now, later, classes)


def regime_baselines(known: Dataset, data: Dataset, rule: Rule, classes: int) -> Predictions:
    """State the rows of one market simply; see :func:`simple_lines`."""
    return simple_lines(known, known_today(known.rows, rule), known_today(data.rows, rule), data.rows.index, classes)


def simple_lines(
    known: Dataset, today: np.ndarray, current: np.ndarray, index: pd.Index, classes: int, *, same: str = SAME_DAY
) -> Predictions:
    """State the shares in training (majority); for now the rule; ahead, that today's regime stays, and how it usually moves on.

    Where today's regime is not known, the last one that was is taken.

    Parameters
    ----------
    today
        Regime known at each row of ``known``.
    current
        Regime known at each row to state, which has ``index``.
    same
        Name of the label that looks no bar ahead.
    """
    stated = {}
    for name, label in known.labels.items():
        now, later, _ = pairs(today, label)
        lines = {"majority": majority(later, classes).probabilities(current)}
        if name == same:
            lines["rule"] = certain(current, classes, len(later))
        else:
            lines["persistence"] = persistence(now, later, classes).probabilities(current)
            lines["Markov"] = markov(now, later, classes).probabilities(current)
        stated[name] = pd.concat([as_columns(line, chances, index) for line, chances in lines.items()], axis=1)
    return stated


def _market(universe: Universe, model_id: str) -> str:
    market = next((symbol for symbol in MARKETS if symbol in universe.symbols), None)
    if market is None or VIX not in universe.symbols:
        raise UnsuitableError(
            f"{model_id} needs {VIX} and one of {', '.join(MARKETS)}; universe {universe.name!r} has {', '.join(universe.symbols)}"
        )
    return market


def _vix_features(bars: pd.DataFrame) -> pd.DataFrame:
    """Level (points), change over 5 sessions (points), level over its 20-session mean minus 1."""
    close = bars["close"].astype(np.float64)
    mean = close.rolling(20, min_periods=20).mean()
    return bars.assign(vix=close, vix_change_5=close - close.shift(5), vix_to_mean_20=close / mean - 1)


def _label(rows: pd.DataFrame, closes: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Regime of each session and when it was known: with the later of the market's and ^VIX's close of that session.

    On a half-day that may be after the decision: then it is a label, but no feature yet.
    """
    same = rows[["timestamp"]].merge(closes, on="timestamp", how="left").set_index(rows.index)
    known_at = rows["closed_at"].where(~(same["closed_at"] > rows["closed_at"]), same["closed_at"])
    return pd.DataFrame({"value": rule(same["close"], rows)["value"], "known_at": known_at})
