"""``touch_xgboost``: how probable it is that an option's strike is touched before it expires.

The model starts from the closed form for a price without drift, with three realised volatilities, calibrated on its training
part, and learns what the features say beyond. It may only fall with the distance and only rise with time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from include.errors import UnsuitableError
from include.universes import Instrument, Kind
from ml.dataset import KEYS, Dataset, Source, insufficient, join_known, leave_out_short
from ml.labels.touched import touched
from ml.methods.barrier import SESSIONS_A_YEAR, touch_logit
from ml.methods.boosting import further_rounds
from ml.methods.contributions import contribution_shares
from ml.methods.residual_boosting import ResidualBooster, continue_residual_booster, fit_residual_booster, load_residual_booster
from ml.models.touch_judge import ALL, judge_touches
from ml.models.touch_options import OPTION, SAMPLER, listed_options, sample_options
from ml.prices import split_adjusted
from ml.protocol import IMPORTANCE_FILE, Judgement, Predictions

TOUCHED = "touched"
UNDERLYINGS = ("SPY", "TSLA", "NVDA", "AMD")
VIX = "^VIX"
_MOST_UNDERLYINGS = 4
_IMPLIED_BY_VIX = ("SPY", "^GSPC")
#: Implied over realised volatility of a share, where no chain says better.
_PREMIUM = 1.1
_STALE = pd.Timedelta(days=5)
_INPUTS = ["volatility_20", "volatility_60", "ewma_volatility_20", "range_volatility_20", "return_20"]
#: Closed forms by the column of their logit: the name of the line they make, and the volatility they take.
_FORMS = MappingProxyType(
    {
        "logit_implied": ("closed form IV", "implied_volatility"),
        "logit_20": ("closed form HV20", "volatility_20"),
        "logit_60": ("closed form HV60", "volatility_60"),
        "logit_ewma": ("closed form EWMA", "ewma_volatility_20"),
        "logit_range": ("closed form range", "range_volatility_20"),
    }
)
_BLEND = ["logit_60", "logit_ewma", "logit_range"]
#: What the trees see, and whether the probability may only rise (1) or only fall (-1) with it. Not the direction: from it they learn
#: the rise of the years in training, which cost .006 to .009 of the Brier in the falling market of 2022 (three draws, ten years).
_SIGNS = MappingProxyType(
    {
        "distance": -1,
        "days": 1,
        "implied_volatility": 0,
        "historical_volatility": 0,
        "momentum": 0,
        "implied_to_historical": 0,
        **dict.fromkeys(_FORMS, 1),
    }
)
_BOOSTING = MappingProxyType(
    {"max_depth": 3, "eta": 0.03, "min_child_weight": 80.0, "lambda": 20.0, "subsample": 0.7, "tree_method": "hist", "max_bin": 64}
)
_ROUNDS = 80
#: Settings that were compared on the years of the walk-forward; the card carries it.
_TRIALS = 17
_FILE = TOUCHED
_FEATURES = ["direction", *_SIGNS]


@dataclass(frozen=True)
class TouchXgboost:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Settings of the booster, of the sampler, and where the implied volatility comes from."""
        return {
            **_BOOSTING,
            "rounds": _ROUNDS,
            "signs": dict(_SIGNS),
            "sampler": {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(SAMPLER).items()},
            "implied_volatility": f"{VIX} for {', '.join(_IMPLIED_BY_VIX)}; else {_PREMIUM} x EWMA volatility; listed: the chain's",
            "classes": ["not touched", "touched"],
            "trials": _TRIALS,
        }

    def group(self, label: str, symbol: str) -> str:  # noqa: ARG002 - the judge looks at the parts itself
        """Name all options together."""
        return ALL

    def prepare(self, source: Source) -> Dataset:
        """Rows of options: of SPY, TSLA, NVDA and AMD, filled up to four symbols by those of the universe that have a price."""
        instruments = _underlyings(source)
        features = source.features([instrument.symbol for instrument in instruments], _INPUTS)
        vix = source.closes(VIX) if VIX in source.universe.symbols else None
        bars = {instrument.symbol: split_adjusted(source, instrument.symbol) for instrument in instruments}
        entries = {
            instrument.symbol: _entries(instrument, bars[instrument.symbol], features[features["symbol"] == instrument.symbol], vix)
            for instrument in instruments
        }
        closes = {symbol: part["closed_at"] for symbol, part in entries.items()}
        left_out = leave_out_short("touch_xgboost", closes, of="of sessions on which an option can be entered, ")
        rows = pd.concat(
            _rows(source, instrument, bars[instrument.symbol], entries[instrument.symbol])
            for instrument in instruments
            if instrument.symbol not in left_out
        ).sort_values("symbol", kind="stable", ignore_index=True)
        label = rows[["value", "known_at"]]
        return Dataset(rows.drop(columns=label.columns), _FEATURES, {TOUCHED: label}, left_out, ["right", "expiry", "distance", "origin"])

    def fit(self, known: Dataset, *, seed: int) -> FittedTouch:
        """Calibrate the closed form and fit the trees."""
        label = known.labels[TOUCHED]["value"]
        taken = label.notna()
        rows, came = known.rows[taken], label[taken].to_numpy(np.float64)
        if len(np.unique(came)) < 2:
            raise insufficient("touch_xgboost", f"of {len(came)} options that expired all came out alike")
        values = _values(rows)
        booster = fit_residual_booster(values, _blend(rows), came, signs=_SIGNS, params=_BOOSTING, rounds=_ROUNDS, seed=seed)
        return FittedTouch(booster, contribution_shares(booster.trees, values, list(_SIGNS)))

    def update(self, before: FittedTouch, new: Dataset, *, seed: int) -> FittedTouch:
        """Add trees; the calibration of the closed form and what counts stay as they were."""
        label = new.labels[TOUCHED]["value"]
        rows, came = new.rows[label.notna()], label[label.notna()].to_numpy(np.float64)
        booster = continue_residual_booster(
            before.booster,
            _values(rows),
            _blend(rows),
            came,
            signs=_SIGNS,
            params=_BOOSTING,
            rounds=further_rounds(_ROUNDS),
            seed=seed,
        )
        return FittedTouch(booster, before.importance)

    def load(self, files: Mapping[str, bytes]) -> FittedTouch:
        """Read back what :meth:`FittedTouch.files` gave."""
        return FittedTouch(load_residual_booster(files, _FILE), json.loads(files[IMPORTANCE_FILE])[TOUCHED])

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """State the share that was touched in training (climatology) and the closed forms."""
        lines = {"climatology": np.full(len(data.rows), known.labels[TOUCHED]["value"].mean())}
        lines |= {line: expit(data.rows[column].to_numpy(np.float64)) for column, (line, _) in _FORMS.items()}
        lines["closed form blend"] = expit(_blend(data.rows))
        return {TOUCHED: pd.DataFrame(lines, index=data.rows.index)}

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.touch_judge.judge_touches`."""
        return judge_touches(walk_forward)


@dataclass(frozen=True)
class FittedTouch:
    """One booster for all symbols, and the features' shares in what it adds to the formula."""

    booster: ResidualBooster
    importance: dict[str, float]

    def predict(self, data: Dataset) -> Predictions:
        """Probability of a touch ``model``, the same as ``p1``, and its rest ``p0``."""
        stated = self.booster.probabilities(_values(data.rows), _blend(data.rows))
        return {TOUCHED: pd.DataFrame({"model": stated, "p0": 1.0 - stated, "p1": stated}, index=data.rows.index)}

    def files(self) -> dict[str, bytes]:
        """``touched.json``, ``touched.ubj`` and ``importance.json``."""
        return {**self.booster.files(_FILE), IMPORTANCE_FILE: json.dumps({TOUCHED: self.importance}, indent=1).encode()}


def _underlyings(source: Source) -> list[Instrument]:
    priced = [
        instrument
        for instrument in source.universe.instruments
        if instrument.kind in (Kind.STOCK, Kind.FUND) or (instrument.kind == Kind.INDEX and instrument.trades_volume)
    ]
    if not priced:
        raise UnsuitableError(
            f"touch_xgboost needs a share, fund or index that has options; universe {source.universe.name!r} has "
            f"{', '.join(source.universe.symbols)}"
        )
    return sorted(priced, key=lambda instrument: instrument.symbol not in UNDERLYINGS)[:_MOST_UNDERLYINGS]


def _entries(instrument: Instrument, bars: pd.DataFrame, features: pd.DataFrame, vix: pd.DataFrame | None) -> pd.DataFrame:
    """Sessions on which an option can be entered: all is known at the close, volatilities as yearly fractions."""
    if bars.empty or (vix is not None and vix.empty and instrument.symbol in _IMPLIED_BY_VIX):
        return features.iloc[:0]
    warm = bars.iloc[SAMPLER.warm_up_bars :]
    entries = features.merge(warm[["timestamp", "close"]], on="timestamp")
    volatilities = [name for name in _INPUTS if "volatility" in name]
    entries[volatilities] = entries[volatilities].astype(np.float64) * np.sqrt(SESSIONS_A_YEAR)
    if vix is not None and instrument.symbol in _IMPLIED_BY_VIX:
        entries["implied_volatility"] = join_known(entries, vix, ["close"], _STALE)["close"].astype(np.float64) / 100
    else:
        entries["implied_volatility"] = _PREMIUM * entries["ewma_volatility_20"]
    usable = entries[["close", *_INPUTS]].notna().all(axis=1) & (entries[[*volatilities, "implied_volatility"]] > 0).all(axis=1)
    return entries[usable].reset_index(drop=True)


def _rows(source: Source, instrument: Instrument, bars: pd.DataFrame, entries: pd.DataFrame) -> pd.DataFrame:
    """Options of one symbol with their features and labels, ordered by entry."""
    parts = [sample_options(instrument, entries), listed_options(source.lake, instrument, entries)]
    options = pd.concat([part for part in parts if len(part)]).sort_values("entry", kind="stable", ignore_index=True)
    known = entries.drop(columns="implied_volatility").loc[options["entry"].astype(int)].reset_index(drop=True)
    rows = pd.concat([known[[*KEYS, *_INPUTS]], options[OPTION]], axis=1)
    label = touched(bars, rows)
    sign = np.where(rows["right"] == "call", 1.0, -1.0)
    barrier, days = np.log1p(sign * rows["distance"].to_numpy(np.float64)), rows["days"].to_numpy(np.float64)
    rows = rows.assign(
        direction=sign,
        historical_volatility=rows["volatility_20"],
        momentum=rows["return_20"],
        implied_to_historical=rows["implied_volatility"] / rows["volatility_20"],
        **{column: touch_logit(barrier, rows[volatility].to_numpy(np.float64), days) for column, (_, volatility) in _FORMS.items()},
    )
    return pd.concat([rows[[*KEYS, "right", "expiry", "origin", *_FEATURES]], label], axis=1)


def _values(rows: pd.DataFrame) -> np.ndarray:
    return rows[list(_SIGNS)].to_numpy(np.float32)


def _blend(rows: pd.DataFrame) -> np.ndarray:
    """Logit of the closed form: mean over three looks at the realised volatility, long, weighted to the newest, within the days."""
    return np.asarray(rows[_BLEND].to_numpy(np.float64).mean(axis=1))
