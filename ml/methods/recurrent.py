"""A small LSTM (Hochreiter and Schmidhuber 1997) over the last rows of each symbol, in Keras.

Sequences are gathered batch by batch from the one table of rows, never all at once. One network a shape is built in a process; a fit
sets its weights and its optimiser to where they began, so that the same data and seed give the same weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from ml.methods.networks import FittedNetwork, Kind, Network, batches, column_scale, read_fitted, ready, scaled_columns, start_keras

STEPS = 20
_STATED_BATCH = 2048


class Settings(NamedTuple):
    """Size of the network, how long it learns, at which rate.

    It learns for ``epochs``, or longer where rows are so few that it would take less than ``least_steps`` steps.
    """

    units: int
    epochs: int
    rate: float
    least_steps: int


@dataclass(frozen=True, eq=False)
class Recurrent(FittedNetwork):
    """A fitted LSTM."""

    def empty(self) -> Network:
        """One a shape in a process."""
        return _network(self.kind, len(self.mean), len(self.weights[-1]), self.settings)

    def outputs(self, values: np.ndarray, symbols: pd.Series, start: np.ndarray) -> np.ndarray:
        """What the network adds to ``start``, added.

        Parameters
        ----------
        values
            Shape (rows, features); nulls count as the mean.
        symbols
            Of each row; a symbol's rows follow each other in order of time.
        start
            Shape (rows, outputs).

        Returns
        -------
        numpy.ndarray
            Shape (rows, outputs): logits or values; null where a symbol has fewer than 20 rows up to a row.
        """
        network, scaled, stated = self.network(), self.scaled(values), np.full(start.shape, np.nan)
        ends = np.flatnonzero(whole_sequences(symbols))
        for first in range(0, len(ends), _STATED_BATCH):
            some = ends[first : first + _STATED_BATCH]
            padded = np.pad(some, (0, _STATED_BATCH - len(some)), mode="edge")  # one shape, so that it is compiled once
            stated[some] = network.predict_on_batch([_sequences(scaled, padded), start[padded].astype(np.float32)])[: len(some)]
        return stated

    def reliance(self, values: np.ndarray, symbols: pd.Series) -> np.ndarray:
        """How far each feature moves what the network adds: mean size of the change where the feature's last 20 rows are another row's.

        A permutation (Breiman 2001) of whole sequences on 2048 rows, evenly spread, the same at each call. It tells what the network
        looks at, not what is worth looking at.

        Returns
        -------
        numpy.ndarray
            Shape (features, outputs); all 0 where no symbol has 20 rows.
        """
        network, outputs = self.network(), len(self.weights[-1])
        ends = np.flatnonzero(whole_sequences(symbols))
        if not len(ends):
            return np.zeros((values.shape[1], outputs))
        some = ends[np.linspace(0, len(ends) - 1, _STATED_BATCH).astype(int)]
        sequences = _sequences(self.scaled(values), some)
        nothing = np.zeros((_STATED_BATCH, outputs), np.float32)
        added, dealt = network.predict_on_batch([sequences, nothing]), np.random.default_rng(0).permutation(_STATED_BATCH)
        moved = []
        for place in range(values.shape[1]):
            changed = sequences.copy()
            changed[:, :, place] = sequences[dealt, :, place]
            moved.append(np.abs(network.predict_on_batch([changed, nothing]) - added).mean(axis=0, dtype=np.float64))
        return np.stack(moved)


def load_recurrent(files: Mapping[str, bytes], name: str) -> Recurrent:
    """Inverse of :meth:`ml.methods.networks.FittedNetwork.files`."""
    facts = read_fitted(files, name)
    return Recurrent(**facts | {"settings": Settings(**facts["settings"])})


def whole_sequences(symbols: pd.Series) -> np.ndarray:
    """Whether each row ends a sequence of 20 rows of its symbol."""
    return np.asarray(symbols.groupby(symbols).cumcount() >= STEPS - 1)


def fit_recurrent(
    values: np.ndarray, symbols: pd.Series, start: np.ndarray, target: np.ndarray, *, kind: Kind, settings: Settings, seed: int
) -> Recurrent:
    """Learn what to add to ``start``.

    Parameters
    ----------
    values, symbols, start
        As in :meth:`Recurrent.outputs`.
    target
        Shape (rows,): classes, for which ``start`` and the outputs are logits and the loss is log-loss; or shape (rows, outputs):
        values, with squared loss. Null: nothing to learn from.
    """
    mean, deviation = column_scale(values)
    scaled = scaled_columns(values, mean, deviation)
    target = target.reshape(len(values), -1).astype(np.float32)
    ends = np.flatnonzero(whole_sequences(symbols) & np.isfinite(target).any(axis=1))
    chance = np.random.default_rng(seed)
    network = _network(kind, values.shape[1], start.shape[1], settings)
    network.begin(_drawn(network, chance))
    for some in batches(ends, settings.epochs, settings.least_steps, chance):
        network.trainer.train_on_batch([_sequences(scaled, some), start[some].astype(np.float32)], target[some])
    return Recurrent(kind, settings, mean, deviation, network.weights())


def _drawn(network: Network, chance: np.random.Generator) -> list[np.ndarray]:
    """Draw the weights of an LSTM (Glorot uniform, orthogonal, forget gate open) and of outputs that add nothing yet."""
    kernel, recurrent, *_ = shapes = [weight.shape for weight in network.model.get_weights()]
    inputs, units = kernel[0], recurrent[0]
    limit = np.sqrt(6.0 / (inputs + 4 * units))
    bias = np.zeros(4 * units)
    bias[units : 2 * units] = 1.0
    orthogonal = np.linalg.qr(chance.normal(size=(4 * units, units)))[0].T
    return [chance.uniform(-limit, limit, kernel), orthogonal, bias, *(np.zeros(shape) for shape in shapes[3:])]


@lru_cache(maxsize=8)
def _network(kind: Kind, features: int, outputs: int, settings: Settings) -> Network:
    keras = start_keras()
    sequence = keras.Input((STEPS, features), name="sequence")
    start = keras.Input((outputs,), name="start")
    state = keras.layers.LSTM(settings.units, name="lstm")(sequence)
    added = keras.layers.Dense(outputs, name="added")(state)
    stated = keras.layers.Add(name="stated")([start, added])
    model, trainer = (keras.Model([sequence, start], stated, name="recurrent") for _ in range(2))
    return ready(model, trainer, kind, settings.rate)


def _sequences(scaled: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Shape (ends, 20, features): the rows up to and with each end."""
    return np.asarray(scaled[ends[:, None] + np.arange(1 - STEPS, 1)])
