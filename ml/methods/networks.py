"""What the networks share: Keras with the same bits each time, losses, batches, and columns on one scale."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, Literal

import numpy as np

#: Whether the outputs are logits of classes (log-loss) or values (squared loss).
Kind = Literal["classes", "values"]
_BATCH = 256
_LARGEST = 5.0  # standard deviations


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


def loss_of(kind: Kind) -> Any:
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
