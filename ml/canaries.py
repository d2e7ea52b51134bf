"""Canaries: before a model is registered it must find a signal that was planted, and must find nothing where there is nothing.

Both work on the newest rows of one symbol and change labels only: features stay what they are to the model. Where rows are no series
of bars (trades, backtests) and no symbol has enough of them, they work on rows of all symbols, spread evenly over all time. Rows drawn
at random are held out; with made-up labels there is no future to look into, and both parts are alike.

- **Planted signal**: the labels are made to follow the features in part. A model fitted on them must state them better than the
  same model fitted on labels that were changed as much, but by the features of other rows.
- **Shuffled labels**: the labels are dealt out anew at random. A model fitted on them must not state them better than their
  shares, or their mean, in training; one that does has seen them.

Where there are fewer rows than the canary wants, a signal that is not found leaves two reasons: the rows, or the model. Then the same is
tried on the same rows many times over, one after the other. A model that finds the signal there is alive, and the rows are too few
for it; one that does not is dead on however many.

A model whose fit is byte for byte the same whatever the labels are does not learn from them: there is nothing to test, and the
card says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from include.errors import ModelError
from ml.dataset import Dataset, insufficient
from ml.protocol import Model, Predictions
from ml.validation.losses import MODEL, probability_columns, row_losses
from ml.validation.significance import Interval, block_bootstrap, by_day

PLANTED, SHUFFLED = "planted signal", "shuffled labels"
_ROWS = 1000
_FEWEST_ROWS = 500  # of one symbol
_REPEATED_ROWS = 4000
_HELD_OUT_SHARE = 0.3
_FOLLOWING_SHARE = 0.7  # of the rows whose class the features tell
_PULL = 4.0  # the farthest that a value is moved, in standard deviations of its change from row to row
_MOST_CLASSES = 10
_FEWEST_DAYS = 20
_CHANCE = 0.03  # of the loss; what luck alone saves is a percent or less

_Change = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def check_canaries(model_id: str, model: Model, data: Dataset, *, seed: int) -> dict[str, Any]:
    """Fit the model three times, on changed labels, and return what came of it for the card.

    Raises
    ------
    InsufficientDataError
        If the planted signal is found only where the same rows are there many times over.
    ModelError
        If the planted signal is not found in every label, or shuffled labels are foretold.
    """
    sample = _sample(data)
    times = -(-_REPEATED_ROWS // len(sample.rows))
    card, missed = _try(model_id, model, sample, seed)
    if missed and len(sample.rows) < _ROWS and not _try(model_id, model, _repeated(sample, times), seed, times)[1]:
        raise insufficient(
            model_id,
            f"a signal that was planted in {len(sample.rows)} rows of {', '.join(sample.symbols)} was not found ({', '.join(missed)}), "
            "and is found where the same rows are there many times over, so the model cannot be judged on so few rows",
        )
    if missed:
        raise ModelError(
            f"{model_id} does not find a signal that was planted in {', '.join(missed)}: it would find no real one; "
            "look at its features, scaling and regularisation; nothing was registered"
        )
    return card


def _try(model_id: str, model: Model, sample: Dataset, seed: int, times: int = 1) -> tuple[dict[str, Any], list[str]]:
    """The card, and the labels in which the planted signal was not found; of rows that are there several ``times`` all are held out."""
    chance = np.random.default_rng([seed, 0])
    held_out = np.tile(chance.random(len(sample.rows) // times) < _HELD_OUT_SHARE, times)
    score = _score(sample)
    planted, misled = (_relabelled(sample, _follow, by, seed) for by in (score, chance.permutation(score)))
    shuffled = _relabelled(sample, _deal, score, seed)
    finder, loser, guesser = (model.fit(_blind(part, held_out), seed=seed) for part in (planted, misled, shuffled))
    card: dict[str, Any] = {"symbols": sample.symbols, "rows": len(sample.rows)}
    if finder.files() == loser.files() == guesser.files():
        reason = "the fit does not look at labels: three different sets of them gave the same bytes"
        return card | {name: {"verdict": "not applicable", "reason": reason} for name in (PLANTED, SHUFFLED)}, []
    found = _gains(planted, held_out, finder.predict(planted), loser.predict(planted))
    guesses = guesser.predict(shuffled)
    seen = _gains(shuffled, held_out, guesses, _constant(guesses, _blind(shuffled, held_out)))
    foretold = [name for name, gain in seen.items() if gain.low > _CHANCE]
    if foretold:
        raise ModelError(
            f"{model_id} foretells labels of {', '.join(foretold)} that were dealt out at random: it must have seen them; "
            "look for labels in what it predicts from; nothing was registered"
        )
    missed = [name for name, gain in found.items() if gain.low <= _CHANCE]
    return card | {PLANTED: _entry("found", found), SHUFFLED: _entry("at the baseline", seen)}, missed


def _sample(data: Dataset) -> Dataset:
    """The newest rows of the symbol that has most with all labels; some of all symbols where it has too few and rows are no series."""
    labelled = pd.concat([label["value"].notna() for label in data.labels.values()], axis=1).all(axis=1)
    counts = data.rows.loc[labelled, "symbol"].value_counts(sort=False)
    if data.particulars and counts.max() < _FEWEST_ROWS:
        order = data.rows.loc[labelled, "closed_at"].sort_values(kind="stable").index
        chosen = order[np.linspace(0, len(order) - 1, min(len(order), _ROWS)).astype(int)].sort_values()
    else:
        chosen = data.rows.index[data.rows["symbol"] == counts.idxmax()][-_ROWS:]
    labels = {name: label.loc[chosen].reset_index(drop=True) for name, label in data.labels.items()}
    return replace(data, rows=data.rows.loc[chosen].reset_index(drop=True), labels=labels)


def _repeated(sample: Dataset, times: int) -> Dataset:
    """The rows again and again, each time a whole number of weeks earlier than the last."""
    stamps = sample.rows["timestamp"]
    span = pd.Timedelta(weeks=(stamps.max() - stamps.min()) // pd.Timedelta(weeks=1) + 1)
    rows, *labels = (
        pd.concat(
            [frame.assign(**{name: frame[name] - place * span for name in moments}) for place in reversed(range(times))], ignore_index=True
        )
        for frame, moments in ((sample.rows, ["timestamp", "closed_at"]), *((label, ["known_at"]) for label in sample.labels.values()))
    )
    return replace(sample, rows=rows, labels=dict(zip(sample.labels, labels, strict=True)))


def _score(sample: Dataset) -> np.ndarray:
    """Above 0 and up to 1 for each row: the rank among the rows of the mean rank of its features."""
    mean_rank = sample.rows[sample.features].rank(pct=True).mean(axis=1).fillna(0.5)
    return mean_rank.rank(pct=True).to_numpy()


def _relabelled(sample: Dataset, change: _Change, score: np.ndarray, seed: int) -> Dataset:
    labels = {}
    for place, (name, label) in enumerate(sample.labels.items(), start=1):
        there = label["value"].notna().to_numpy()
        changed = label["value"].to_numpy(np.float64).copy()
        changed[there] = change(changed[there], score[there], np.random.default_rng([seed, place]))
        labels[name] = label.assign(value=changed)
    return replace(sample, labels=labels)


def _blind(data: Dataset, held_out: np.ndarray) -> Dataset:
    return replace(data, labels={name: label.assign(value=label["value"].mask(held_out)) for name, label in data.labels.items()})


def _follow(values: np.ndarray, score: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    codes = np.unique(values)
    if len(codes) > _MOST_CLASSES:
        return np.asarray(values + _PULL * np.diff(values).std() * score)
    told = codes[np.minimum((score * len(codes)).astype(int), len(codes) - 1)]
    return np.where(chance.random(len(values)) < _FOLLOWING_SHARE, told, values)


def _deal(values: np.ndarray, score: np.ndarray, chance: np.random.Generator) -> np.ndarray:  # noqa: ARG001 - as every change
    return np.asarray(chance.permutation(values))


def _constant(stated: Predictions, known: Dataset) -> Predictions:
    """State the shares of the classes, or the mean, in training on every row."""
    constants = {}
    for name, frame in stated.items():
        values = known.labels[name]["value"].dropna()
        line = {MODEL: float(values.mean())}
        classes = probability_columns(frame, MODEL)
        counts = np.bincount(values.astype(int), minlength=len(classes)) + 1.0 if classes else np.ones(0)
        line |= dict(zip(classes, counts / counts.sum(), strict=True))
        constants[name] = pd.DataFrame(line, index=frame.index)
    return constants


def _gains(data: Dataset, held_out: np.ndarray, better: Predictions, other: Predictions) -> dict[str, Interval]:
    """By label the share of the loss of ``other`` that ``better`` saves on the rows held out, by day, or by bar where days are few."""
    gains = {}
    for name, label in data.labels.items():
        usable = held_out & label["value"].notna() & better[name][MODEL].notna() & other[name][MODEL].notna()
        metric = "log_loss" if probability_columns(better[name], MODEL) else "rmse"
        losses = [row_losses(said[name].assign(actual=label["value"])[usable], MODEL, metric) for said in (better, other)]
        saved, closed = (losses[1] - losses[0]) / losses[1].mean(), data.rows.loc[usable, "closed_at"]
        few = closed.dt.floor("D").nunique() < _FEWEST_DAYS
        gains[name] = block_bootstrap(pd.Series(saved).groupby(closed.to_numpy()).mean().to_numpy() if few else by_day(saved, closed))
    return gains


def _entry(verdict: str, gains: dict[str, Interval]) -> dict[str, Any]:
    return {"verdict": verdict, "share_of_loss_saved": {name: gain._asdict() for name, gain in gains.items()}}
