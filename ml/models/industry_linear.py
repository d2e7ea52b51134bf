"""``industry_linear``: where a stock goes over the next days, from what it and its peers did lately.

A ridge regression, shrunk hard towards zero, of the log return over the next days on the returns of the target and of its
peers over 1, 5 and 20 sessions. Beside it stands the co-movement of the same days: what the peers explain of a return once it
has happened, which is large and forecasts nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from include.errors import UnsuitableError
from include.universes import Instrument, Universe
from ml.dataset import KEYS, Dataset, Source, join_known, leave_out_short
from ml.labels.peer_returns import log_returns, returns_ahead
from ml.methods.linear import LinearFit, fit_linear
from ml.models.industry_judge import NEXT, SAME, judge_industry
from ml.panel import has_a_price
from ml.protocol import Judgement, Predictions

_RETURN = "return_1"
_WINDOWS = (1, 5, 20)
#: Ridge penalty a row; 0.01, 0.3, 1, 3 and 10 were compared on four stocks of other years.
_PENALTY, _TRIALS = 3.0, 5
_SAME_SESSION = pd.Timedelta(hours=12)
_FEWEST_ROWS = 250
_FILE = "industry.json"


@dataclass(frozen=True)
class IndustryLinear:
    """The model, unfitted.

    ``peers`` names the peers of each target; empty: every instrument of the universe against those of its sector (of its kind
    where it has no sector) that trade by the same calendar. ``horizon`` counts sessions.
    """

    peers: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    horizon: int = 5

    def params(self) -> dict[str, Any]:
        """Peers, horizon, windows of the returns, shrinkage."""
        return {
            "peers": {target: list(peers) for target, peers in self.peers.items()} or "same sector (or kind) and calendar",
            "horizon": self.horizon,
            "windows": list(_WINDOWS),
            "penalty": _PENALTY,
            "hac_lags": self._lags,
            "trials": _TRIALS,
        }

    def group(self, label: str, symbol: str) -> str:
        """Name the target, and co-movement apart."""
        return symbol if label == NEXT else f"{symbol}, {SAME}"

    def prepare(self, source: Source) -> Dataset:
        """Rows of every target on which all its peers are known; targets with less than two years are named in ``left_out``."""
        peers = dict(self.peers) or peers_of(source.universe)
        symbols = list(dict.fromkeys(symbol for target, others in peers.items() for symbol in (target, *others)))
        rows = source.features(symbols, [_RETURN])
        returns = {str(symbol): self._returns(part) for symbol, part in rows.groupby("symbol")}
        parts, alone = {}, {}
        for target, others in sorted(peers.items()):
            absent = [symbol for symbol in (target, *others) if symbol not in returns]
            if absent or not others:
                alone[target] = f"there are no features of {', '.join(absent)}" if absent else "the universe has no peer of it"
            else:
                parts[target] = self._rows(target, others, returns)
        left_out = leave_out_short("industry_linear", {target: part["closed_at"] for target, part in parts.items()}, alone)
        table = pd.concat([part for target, part in parts.items() if target not in left_out], ignore_index=True)
        labels = {
            name: pd.DataFrame({"value": table.pop(f"{name} value"), "known_at": table.pop(f"{name} known_at")}) for name in (NEXT, SAME)
        }
        return Dataset(table, [column for column in table.columns if column not in KEYS], labels, left_out)

    def fit(self, known: Dataset, *, seed: int) -> FittedIndustry:  # noqa: ARG002 - nothing is random here
        """Fit each target by itself."""
        fits: dict[str, dict[str, LinearFit]] = {}
        for symbol, part in known.rows.groupby("symbol"):
            for label in (NEXT, SAME):
                columns = self._columns(str(symbol), label, part)
                value = known.labels[label].loc[part.index, "value"]
                taken = value.notna()
                if taken.sum() >= _FEWEST_ROWS:
                    values = part.loc[taken, columns].to_numpy(np.float64)
                    penalty = _PENALTY if label == NEXT else 0.0
                    fit = fit_linear(values, value[taken].to_numpy(np.float64), columns, penalty=penalty, lags=self._lags)
                    fits.setdefault(str(symbol), {})[label] = fit
        return FittedIndustry(fits)

    def load(self, files: Mapping[str, bytes]) -> FittedIndustry:
        """Read back what :meth:`FittedIndustry.files` gave."""
        raw = json.loads(files[_FILE])
        lists = ("columns", "coefficients", "least_squares", "hac_errors", "residuals")
        return FittedIndustry(
            {
                symbol: {label: LinearFit(**{**fit, **{name: tuple(fit[name]) for name in lists}}) for label, fit in fits.items()}
                for symbol, fits in raw.items()
            }
        )

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """State the mean of the returns in training and, for the days ahead, zero."""
        stated = {}
        for label in (NEXT, SAME):
            means = known.labels[label]["value"].groupby(known.rows["symbol"]).mean()
            stated[label] = pd.DataFrame({"training mean": data.rows["symbol"].map(means).astype(np.float64)})
        stated[NEXT]["zero"] = 0.0
        return stated

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.industry_judge.judge_industry`."""
        return judge_industry(walk_forward, self.horizon)

    @property
    def _lags(self) -> int:
        return 2 * (self.horizon - 1)

    def _returns(self, part: pd.DataFrame) -> pd.DataFrame:
        """Log returns over each window, by ``return_<bars>``, and the label columns, of one symbol."""
        returns = part[_RETURN].astype(np.float64)
        windows = {f"return_{bars}": log_returns(returns, bars).astype(np.float32) for bars in sorted({*_WINDOWS, self.horizon})}
        ahead = returns_ahead(returns, part["closed_at"], self.horizon)
        same = pd.DataFrame({"value": log_returns(returns, self.horizon), "known_at": part["closed_at"]})
        labels = {f"{name} {column}": frame[column] for name, frame in ((NEXT, ahead), (SAME, same)) for column in frame}
        return part[KEYS].assign(**windows, **labels)

    def _rows(self, target: str, others: tuple[str, ...], returns: dict[str, pd.DataFrame]) -> pd.DataFrame:
        own = returns[target]
        windows = [column for column in own.columns if column.startswith("return_")]
        joined = [own[windows].add_prefix(f"{target} ")]
        joined += [join_known(own, returns[peer], windows, _SAME_SESSION).add_prefix(f"{peer} ") for peer in others]
        features = pd.concat(joined, axis=1)
        return pd.concat([own.drop(columns=windows), features], axis=1)[features.notna().all(axis=1)]

    def _columns(self, target: str, label: str, part: pd.DataFrame) -> list[str]:
        held = [column for column in part.columns if " return_" in column and part[column].notna().any()]
        if label == SAME:
            return [column for column in held if column.endswith(f" return_{self.horizon}") and not column.startswith(f"{target} ")]
        return [column for column in held if int(column.rpartition("_")[2]) in _WINDOWS]


@dataclass(frozen=True)
class FittedIndustry:
    """A regression by target and label."""

    fits: dict[str, dict[str, LinearFit]]

    def predict(self, data: Dataset) -> Predictions:
        """State the log return ``model`` (fraction); for the days ahead with ``lower`` and ``upper`` of the 90 % interval."""
        ahead = pd.DataFrame(np.nan, index=data.rows.index, columns=["model", "lower", "upper"])
        stated = {NEXT: ahead, SAME: ahead[["model"]].copy()}
        for symbol, part in data.rows.groupby("symbol"):
            for label, fit in self.fits.get(str(symbol), {}).items():
                values = fit(part[list(fit.columns)].to_numpy(np.float64))
                stated[label].loc[part.index, "model"] = values
                if label == NEXT:
                    stated[label].loc[part.index, ["lower", "upper"]] = values[:, None] + np.array(fit.residuals)
        return stated

    def files(self) -> dict[str, bytes]:
        """``industry.json``: the regressions by target and label."""
        content = {symbol: {label: asdict(fit) for label, fit in fits.items()} for symbol, fits in sorted(self.fits.items())}
        return {_FILE: json.dumps(content, indent=1).encode()}


def peers_of(universe: Universe) -> dict[str, tuple[str, ...]]:
    """Peers of each instrument that has a price: those of the same sector (kind where it has none) and calendar.

    Raises
    ------
    UnsuitableError
        If no instrument has one.
    """
    instruments = [instrument for instrument in universe.instruments if has_a_price(instrument)]
    peers = {
        one.symbol: tuple(other.symbol for other in instruments if other.symbol != one.symbol and _industry(other) == _industry(one))
        for one in instruments
    }
    if not any(peers.values()):
        raise UnsuitableError(f"universe {universe.name!r} has no two instruments of one sector and calendar; industry_linear needs peers")
    return peers


def _industry(instrument: Instrument) -> tuple[str, str]:
    return instrument.sector or instrument.kind.value, instrument.calendar
