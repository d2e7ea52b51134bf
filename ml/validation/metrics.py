"""Metrics on stored predictions; each takes arrays of equal length without nulls and returns a number."""

from __future__ import annotations

import numpy as np

#: Probabilities below this count as this, so that one certain mistake does not make every other row irrelevant.
SMALLEST_PROBABILITY = 1e-6


def rmse(actual: np.ndarray, stated: np.ndarray) -> float:
    """Root of the mean squared error, in the unit of the values."""
    return float(np.sqrt(np.mean((actual - stated) ** 2)))


def mae(actual: np.ndarray, stated: np.ndarray) -> float:
    """Mean absolute error, in the unit of the values."""
    return float(np.mean(np.abs(actual - stated)))


def qlike(actual: np.ndarray, stated: np.ndarray) -> float:
    """Mean QLIKE loss of standard deviations: a/f - ln(a/f) - 1 with a, f the variances; 0 is perfect (Patton 2011)."""
    ratio = (actual / stated) ** 2
    return float(np.mean(ratio - np.log(ratio) - 1))


def pinball_losses(actual: np.ndarray, stated: np.ndarray, level: float) -> np.ndarray:
    """Per row the loss of a stated quantile, lowest on average for the true one: (a - q) level above it, (q - a) (1 - level) below."""
    above = actual - stated
    return np.asarray(np.maximum(level * above, (level - 1) * above))


def coverage(actual: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> float:
    """Share of values inside their interval."""
    return float(np.mean((actual >= lower) & (actual <= upper)))


def log_losses(actual: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Per row minus the logarithm of the probability that the class that came was given; shape (rows, classes) in."""
    given = probabilities[np.arange(len(actual)), actual.astype(int)]
    return np.asarray(-np.log(np.clip(given, SMALLEST_PROBABILITY, 1.0)))


def accuracy(actual: np.ndarray, stated: np.ndarray) -> float:
    """Share of rows whose class was stated."""
    return float(np.mean(actual == stated))


def balanced_accuracy(actual: np.ndarray, stated: np.ndarray) -> float:
    """Mean over the classes that came of the share of their rows that was stated."""
    return float(np.mean([np.mean(stated[actual == code] == code) for code in np.unique(actual)]))


def macro_f1(actual: np.ndarray, stated: np.ndarray) -> float:
    """Mean F1 over the classes that came or were stated."""
    scores = []
    for code in np.union1d(actual, stated):
        hits = np.sum((actual == code) & (stated == code))
        scores.append(2 * hits / (np.sum(actual == code) + np.sum(stated == code)))
    return float(np.mean(scores))


def expected_calibration_error(actual: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Mean gap between the probability of the likeliest class and how often it came, over bins of equal width."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == actual
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(confidence[place == k].mean() - right[place == k].mean()) * np.sum(place == k) for k in np.unique(place)]
    return float(np.sum(gaps) / len(actual))
