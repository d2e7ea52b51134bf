"""How classes follow each other: baselines, and where a booster starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

_IMAGINED_ROWS = 5.0


@dataclass(frozen=True)
class Transitions:
    """Probability of each later class (columns) given the current one (rows); ``shares`` where that is not known.

    All probabilities are above 0 and each row sums to 1.
    """

    matrix: tuple[tuple[float, ...], ...]
    shares: tuple[float, ...]

    def probabilities(self, current: np.ndarray) -> np.ndarray:
        """Shape (rows, classes); ``current`` holds codes and may hold nulls."""
        stated = np.tile(np.array(self.shares), (len(current), 1))
        known = np.isfinite(current)
        stated[known] = np.array(self.matrix)[current[known].astype(int)]
        return stated


def majority(later: np.ndarray, classes: int) -> Transitions:
    """Give the shares of the classes, whatever the current one; one imagined row a class (Laplace)."""
    shares = _shares(later, classes)
    return _transitions(np.tile(shares, (classes, 1)), shares)


def persistence(now: np.ndarray, later: np.ndarray, classes: int) -> Transitions:
    """Let the current class stay, as often as ``now`` stayed until ``later``; the rest is shared evenly."""
    return guess(now, later, classes)


def markov(now: np.ndarray, later: np.ndarray, classes: int) -> Transitions:
    """Count how often each class was followed by each; one imagined row a cell (Laplace)."""
    counts = _counts(now, later, classes) + 1.0
    return _transitions(counts / counts.sum(axis=1, keepdims=True), _shares(later, classes))


def cautious_markov(now: np.ndarray, later: np.ndarray, classes: int) -> Transitions:
    """As :func:`markov`, but with five imagined rows of persistence a class: one never seen is expected to stay."""
    counts = _counts(now, later, classes) + _IMAGINED_ROWS * _staying(now, later, classes)
    return _transitions(counts / counts.sum(axis=1, keepdims=True), _shares(later, classes))


def by_group(groups: np.ndarray, later: np.ndarray, count: int, classes: int) -> Transitions:
    """Give each of ``count`` groups (codes from 0) the shares of its own rows (Laplace); the current class is the group, null: unknown."""
    matrix = np.stack([_shares(later[groups == group], classes) for group in range(count)])
    return _transitions(matrix, _shares(later, classes))


def guess(stated: np.ndarray, later: np.ndarray, classes: int) -> Transitions:
    """Trust a stated class, which the current one then is, as often as it came in training; the rest is shared evenly."""
    return _transitions(_staying(stated, later, classes), _shares(later, classes))


def certain(codes: np.ndarray, classes: int, rows: int) -> np.ndarray:
    """Put all on the class in ``codes``, but for what Laplace's rule leaves to the others; null for a null code."""
    floor = 1.0 / (rows + classes)
    stated = np.full((len(codes), classes), np.nan)
    known = np.isfinite(codes)
    stated[known] = floor + (1.0 - classes * floor) * np.eye(classes)[codes[known].astype(int)]
    return stated


def as_columns(name: str, probabilities: np.ndarray, index: pd.Index) -> pd.DataFrame:
    """Name the likeliest class as column ``name``, the probabilities as ``<name> p0`` ...; of ``model`` plain ``p0`` ..."""
    prefix = "" if name == "model" else f"{name} "
    frame = pd.DataFrame(probabilities, index=index, columns=[f"{prefix}p{code}" for code in range(probabilities.shape[1])])
    known = np.isfinite(probabilities).all(axis=1)
    likeliest = np.where(known, np.nan_to_num(probabilities).argmax(axis=1), np.nan)
    return pd.concat([pd.Series(likeliest, index=index, name=name), frame], axis=1)


def _counts(now: np.ndarray, later: np.ndarray, classes: int) -> np.ndarray:
    counts = np.zeros((classes, classes))
    np.add.at(counts, (now.astype(int), later.astype(int)), 1.0)
    return counts


def _staying(now: np.ndarray, later: np.ndarray, classes: int) -> np.ndarray:
    # Never below an even guess: what is stated stays the likeliest, however rarely it came.
    stay = max((np.sum(now == later) + 1) / (len(now) + 2), 1.01 / classes)
    matrix = np.full((classes, classes), (1 - stay) / (classes - 1))
    np.fill_diagonal(matrix, stay)
    return matrix


def _shares(later: np.ndarray, classes: int) -> np.ndarray:
    counts = np.bincount(later.astype(int), minlength=classes) + 1.0
    return np.asarray(counts / counts.sum())


def _transitions(matrix: np.ndarray, shares: np.ndarray) -> Transitions:
    return Transitions(tuple(tuple(row) for row in matrix.tolist()), tuple(shares.tolist()))
