"""A small network of dense layers (Keras) that adds to something simpler; the same data and seed give the same weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ml.methods.networks import FittedNetwork, Kind, Network, batches, column_scale, read_fitted, ready, scaled_columns, start_keras

_STATED_BATCH = 4096
_LEAST_STEPS = 200


class Settings(NamedTuple):
    """Size of the network (``layers`` of ``units``), how long and at which rate it learns, and what keeps it from learning by heart.

    ``penalty`` is the L2 penalty of its weights, ``dropout`` the share of units that are silent at each step.
    """

    layers: int
    units: int
    epochs: int
    rate: float
    penalty: float
    dropout: float


@dataclass(frozen=True, eq=False)
class Perceptron(FittedNetwork):
    """A fitted network of dense layers."""

    def empty(self) -> Network:
        """One a shape in a process."""
        return _network(self.kind, len(self.mean), len(self.weights[-1]), self.settings)

    def outputs(self, values: np.ndarray, start: np.ndarray) -> np.ndarray:
        """What the network adds to ``start``, added; shapes (rows, features) and (rows, outputs). Nulls count as the mean."""
        network, scaled, stated = self.network(), self.scaled(values), np.zeros(start.shape)
        for first in range(0, len(values), _STATED_BATCH):
            some = np.arange(first, min(first + _STATED_BATCH, len(values)))
            padded = np.pad(some, (0, _STATED_BATCH - len(some)), mode="edge")  # one shape, so that it is compiled once
            stated[some] = network.predict_on_batch([scaled[padded], start[padded].astype(np.float32)])[: len(some)]
        return stated


def load_perceptron(files: Mapping[str, bytes], name: str) -> Perceptron:
    """Inverse of :meth:`ml.methods.networks.FittedNetwork.files`."""
    facts = read_fitted(files, name)
    return Perceptron(**facts | {"settings": Settings(**facts["settings"])})


def fit_perceptron(values: np.ndarray, start: np.ndarray, target: np.ndarray, *, kind: Kind, settings: Settings, seed: int) -> Perceptron:
    """Learn what to add to ``start``.

    Parameters
    ----------
    values
        Shape (rows, features); nulls count as the mean.
    start
        Shape (rows, outputs): logits or values.
    target
        Shape (rows,): classes; or shape (rows, outputs): values.
    """
    mean, deviation = column_scale(values)
    scaled = scaled_columns(values, mean, deviation)
    target = target.reshape(len(values), -1).astype(np.float32)
    chance = np.random.default_rng(seed)
    network = _network(kind, values.shape[1], start.shape[1], settings)
    network.begin(_drawn(network, chance))
    for place, layer in enumerate(layer for layer in network.trainer.layers if hasattr(layer, "seed_generator")):
        layer.seed_generator.state.assign(np.array([seed, place], dtype=np.uint32))
    for some in batches(np.arange(len(values)), settings.epochs, _LEAST_STEPS, chance):
        network.trainer.train_on_batch([scaled[some], start[some].astype(np.float32)], target[some])
    return Perceptron(kind, settings, mean, deviation, network.weights())


def _drawn(network: Network, chance: np.random.Generator) -> list[np.ndarray]:
    """Draw the weights of hidden layers (Glorot uniform) and let outputs add nothing yet."""
    *hidden, kernel, bias = (weight.shape for weight in network.model.get_weights())
    limits = [np.sqrt(6.0 / sum(shape)) if len(shape) == 2 else 0.0 for shape in hidden]
    drawn = [chance.uniform(-limit, limit, shape) for limit, shape in zip(limits, hidden, strict=True)]
    return [*drawn, np.zeros(kernel), np.zeros(bias)]


@lru_cache(maxsize=16)
def _network(kind: Kind, features: int, outputs: int, settings: Settings) -> Network:
    keras = start_keras()
    columns, start = keras.Input((features,), name="columns"), keras.Input((outputs,), name="start")
    penalty = keras.regularizers.L2(settings.penalty)
    hidden = [keras.layers.Dense(settings.units, "relu", kernel_regularizer=penalty, name=f"hidden{n}") for n in range(settings.layers)]
    added, sums = keras.layers.Dense(outputs, kernel_regularizer=penalty, name="added"), keras.layers.Add(name="stated")
    plain = thinned = columns
    for place, layer in enumerate(hidden):
        plain = layer(plain)
        thinned = keras.layers.Dropout(settings.dropout, seed=place, name=f"dropout{place}")(layer(thinned))
    model = keras.Model([columns, start], sums([start, added(plain)]), name="perceptron")
    trainer = keras.Model([columns, start], sums([start, added(thinned)]), name="trainer")
    return ready(model, trainer, kind, settings.rate)
