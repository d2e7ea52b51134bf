"""What the networks share: Keras with the same bits each time, what a fitted one is, losses, batches, and columns on one scale."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from ml.methods.keras_files import keras_bytes, keras_weights

#: Whether the outputs are logits of classes (log-loss) or values (squared loss).
Kind = Literal["classes", "values"]
_BATCH = 256
_LARGEST = 5.0  # standard deviations


@dataclass(frozen=True, eq=False)
class Network:
    """``trainer`` has the layers of ``model``, what it needs to learn, and an optimiser; neither shall get into the model's file."""

    model: Any
    trainer: Any
    optimiser_start: tuple[np.ndarray, ...]

    def begin(self, weights: Sequence[np.ndarray]) -> None:
        """Set the weights to learn from, and the optimiser to where it began."""
        self.set_weights(weights)
        for variable, value in zip(self.trainer.optimizer.variables, self.optimiser_start, strict=True):
            variable.assign(value.copy())

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Give the network copies: TensorFlow may keep an array that it is given, and change it in training."""
        self.model.set_weights([weight.copy() for weight in weights])

    def weights(self) -> tuple[np.ndarray, ...]:
        """Copies, which later training leaves alone."""
        return tuple(np.array(weight) for weight in self.model.get_weights())


def ready(model: Any, trainer: Any, kind: Kind, rate: float) -> Network:
    """Give ``trainer`` its loss and its optimiser (Adam)."""
    keras = start_keras()
    trainer.compile(optimizer=keras.optimizers.Adam(rate, clipnorm=1.0), loss=_loss_of(kind), jit_compile=False)
    trainer.optimizer.build(trainer.trainable_variables)
    return Network(model, trainer, tuple(np.array(variable) for variable in trainer.optimizer.variables))


@dataclass(frozen=True, eq=False)
class FittedNetwork(ABC):
    """A fitted network: columns are standardised by ``mean`` and ``deviation`` of the training rows; ``weights`` as Keras orders them.

    ``settings`` is a named tuple that each kind of network defines.
    """

    kind: Kind
    settings: Any
    mean: np.ndarray
    deviation: np.ndarray
    weights: tuple[np.ndarray, ...]

    @abstractmethod
    def empty(self) -> Network:
        """Network of this shape, whatever its weights."""

    def network(self) -> Any:
        """Keras' model with these weights, until another of its shape is asked for."""
        network = self.empty()
        network.set_weights(self.weights)
        return network.model

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Columns as the network wants them."""
        return scaled_columns(values, self.mean, self.deviation)

    def files(self, name: str) -> dict[str, bytes]:
        """``<name>.keras`` and ``<name>.json``."""
        facts = {
            "kind": self.kind,
            "settings": self.settings._asdict(),
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
        }
        return {f"{name}.keras": keras_bytes(self.network()), f"{name}.json": json.dumps(facts, indent=1).encode()}


def read_fitted(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    """What :meth:`FittedNetwork.files` wrote, by name of the field; the settings as a dict."""
    facts: dict[str, Any] = json.loads(files[f"{name}.json"])
    arrays = {column: np.array(facts[column]) for column in ("mean", "deviation")}
    return facts | arrays | {"weights": tuple(keras_weights(files[f"{name}.keras"]))}


@lru_cache(maxsize=1)
def start_keras() -> Any:
    """Keras on TensorFlow with one thread and operations that give the same bits each time."""
    import keras
    import tensorflow as tf

    # Refused once TensorFlow runs, and other libraries may have started it; environment.sh asks for one thread from the start.
    with suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    return keras


def _loss_of(kind: Kind) -> Any:
    """Loss of a kind; a null among values is nothing to learn from."""
    from keras import losses, ops

    def classes(came: Any, logits: Any) -> Any:
        return losses.sparse_categorical_crossentropy(came, logits, from_logits=True)

    def values(came: Any, stated: Any) -> Any:
        missed = ops.where(ops.isnan(came), ops.zeros_like(stated), came - stated)
        return ops.mean(ops.square(missed), axis=-1)

    return {"classes": classes, "values": values}[kind]


def batches(places: np.ndarray, epochs: int, least_steps: int, chance: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield shuffled places of equal number; what does not fill a batch waits for the next epoch.

    It goes on for ``epochs``, or longer where places are so few that it would take less than ``least_steps`` steps.
    """
    size = min(_BATCH, len(places))
    if size == 0:
        return
    each = len(places) // size
    for _ in range(max(epochs, math.ceil(least_steps / each))):
        yield from chance.permutation(places)[: each * size].reshape(-1, size)


def column_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column, without what is not finite; a column that does not vary has deviation 1."""
    found = _finite(values)
    mean = np.nan_to_num(np.nanmean(found, axis=0, dtype=np.float64))
    deviation = np.nan_to_num(np.nanstd(found, axis=0, dtype=np.float64))
    deviation[deviation == 0] = 1.0
    return mean, deviation


def scaled_columns(values: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Columns in standard deviations from their mean, at most 5; what is not finite counts as the mean. float32."""
    standard = (_finite(values) - mean) / deviation
    return np.asarray(np.clip(np.nan_to_num(standard), -_LARGEST, _LARGEST), dtype=np.float32)


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)
