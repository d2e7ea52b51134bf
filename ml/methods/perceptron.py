"""A small network of dense layers (Keras) that adds to something simpler; the same data and seed give the same weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ml.methods.keras_files import keras_bytes, keras_weights
from ml.methods.networks import Kind, batches, column_scale, loss_of, scaled_columns, start_keras

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
class Perceptron:
    """A fitted network: columns are standardised by ``mean`` and ``deviation`` of the training rows; ``weights`` as Keras orders them."""

    kind: Kind
    settings: Settings
    mean: np.ndarray
    deviation: np.ndarray
    weights: tuple[np.ndarray, ...]

    def outputs(self, values: np.ndarray, start: np.ndarray) -> np.ndarray:
        """What the network adds to ``start``, added; shapes (rows, features) and (rows, outputs). Nulls count as the mean."""
        network = _network(self.kind, values.shape[1], start.shape[1], self.settings)
        network.set_weights(self.weights)
        scaled, stated = scaled_columns(values, self.mean, self.deviation), np.zeros(start.shape)
        for first in range(0, len(values), _STATED_BATCH):
            some = np.arange(first, min(first + _STATED_BATCH, len(values)))
            padded = np.pad(some, (0, _STATED_BATCH - len(some)), mode="edge")  # one shape, so that it is compiled once
            stated[some] = network.model.predict_on_batch([scaled[padded], start[padded].astype(np.float32)])[: len(some)]
        return stated

    def files(self, name: str) -> dict[str, bytes]:
        """``<name>.keras`` and ``<name>.json``."""
        network = _network(self.kind, len(self.mean), len(self.weights[-1]), self.settings)
        network.set_weights(self.weights)
        facts = {
            "kind": self.kind,
            "settings": self.settings._asdict(),
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
        }
        return {f"{name}.keras": keras_bytes(network.model), f"{name}.json": json.dumps(facts, indent=1).encode()}


def load_perceptron(files: Mapping[str, bytes], name: str) -> Perceptron:
    """Inverse of :meth:`Perceptron.files`."""
    facts = json.loads(files[f"{name}.json"])
    weights = tuple(keras_weights(files[f"{name}.keras"]))
    return Perceptron(facts["kind"], Settings(**facts["settings"]), np.array(facts["mean"]), np.array(facts["deviation"]), weights)


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
    network.begin(chance, seed)
    for some in batches(np.arange(len(values)), settings.epochs, _LEAST_STEPS, chance):
        network.trainer.train_on_batch([scaled[some], start[some].astype(np.float32)], target[some])
    return Perceptron(kind, settings, mean, deviation, network.weights())


@dataclass(frozen=True)
class _Network:
    """``trainer`` has the layers of ``model`` with dropout between them, and an optimiser; neither shall get into the model's file."""

    model: Any
    trainer: Any
    optimiser_start: tuple[np.ndarray, ...]

    def begin(self, chance: np.random.Generator, seed: int) -> None:
        """Draw the weights of hidden layers (Glorot uniform) and let outputs add nothing yet."""
        drawn = []
        *hidden, kernel, bias = (weight.shape for weight in self.model.get_weights())
        for shape in hidden:
            limit = np.sqrt(6.0 / sum(shape)) if len(shape) == 2 else 0.0
            drawn.append(chance.uniform(-limit, limit, shape))
        self.set_weights([*drawn, np.zeros(kernel), np.zeros(bias)])
        for variable, value in zip(self.trainer.optimizer.variables, self.optimiser_start, strict=True):
            variable.assign(value.copy())
        for place, layer in enumerate(layer for layer in self.trainer.layers if hasattr(layer, "seed_generator")):
            layer.seed_generator.state.assign(np.array([seed, place], dtype=np.uint32))

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Give the network copies: TensorFlow may keep an array that it is given, and change it in training."""
        self.model.set_weights([weight.copy() for weight in weights])

    def weights(self) -> tuple[np.ndarray, ...]:
        """Copies, which later training leaves alone."""
        return tuple(np.array(weight) for weight in self.model.get_weights())


@lru_cache(maxsize=16)
def _network(kind: Kind, features: int, outputs: int, settings: Settings) -> _Network:
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
    trainer.compile(optimizer=keras.optimizers.Adam(settings.rate, clipnorm=1.0), loss=loss_of(kind), jit_compile=False)
    trainer.optimizer.build(trainer.trainable_variables)
    return _Network(model, trainer, tuple(np.array(variable) for variable in trainer.optimizer.variables))
