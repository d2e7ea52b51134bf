"""``strategy_classifier``: whether a strategy's next window ends with a profit, by a small network of dense layers.

It starts from the share of profits, so that all it adds is what the features say, and is calibrated on a later part of the training rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ml.dataset import Dataset
from ml.methods.calibration import Line, carry_line
from ml.methods.perceptron import Perceptron, fit_perceptron, load_perceptron
from ml.methods.transitions import as_columns, majority
from ml.models.strategy_data import NEXT, learned, two_columns, two_parts, values
from ml.models.strategy_network import StrategyNetwork
from ml.protocol import Predictions

_NETWORK, _FACTS = "network", "classifier.json"


@dataclass(frozen=True)
class StrategyClassifier(StrategyNetwork):
    """The model, unfitted."""

    def fit(self, known: Dataset, *, seed: int) -> FittedClassifier:
        """Fit on an earlier part to calibrate on the later, then on all."""
        taken, came = learned(known)
        found, start = values(known.rows[taken], known.features), _prior_logits(came)
        early, late = two_parts(known, taken)
        first, last = (
            fit_perceptron(found[part], np.tile(start, (part.sum(), 1)), came[part], kind="classes", settings=self.settings, seed=seed)
            for part in (early, np.ones(len(came), dtype=bool))
        )
        learnt, judged, final = (_logits(net, found[part], start) for net, part in ((first, early), (first, late), (last, slice(None))))
        line = carry_line(learnt, judged, came[late], final)
        return FittedClassifier(last, start, line, tuple(known.features))

    def load(self, files: Mapping[str, bytes]) -> FittedClassifier:
        """Read back what :meth:`FittedClassifier.files` gave."""
        facts = json.loads(files[_FACTS])
        network = load_perceptron(files, _NETWORK)
        return FittedClassifier(network, np.array(facts["start"]), Line(**facts["line"]), tuple(facts["features"]))


@dataclass(frozen=True, eq=False)
class FittedClassifier:
    """The network, the logits it starts from, and the line that calibrates it."""

    network: Perceptron
    start: np.ndarray
    line: Line
    features: tuple[str, ...]

    def predict(self, data: Dataset) -> Predictions:
        """Likelier outcome ``model`` (1: the strategy gets a stake) and probabilities ``p0`` (loss), ``p1`` (profit)."""
        return {NEXT: as_columns("model", self.predict_proba(data), data.rows.index)}

    def predict_proba(self, data: Dataset) -> np.ndarray:
        """Probabilities of loss and profit, shape (rows, 2)."""
        found = values(data.rows, list(self.features))
        return two_columns(np.asarray(expit(self.line(_logits(self.network, found, self.start)))))

    def files(self) -> dict[str, bytes]:
        """``network.keras``, ``network.json`` and ``classifier.json``."""
        facts = {"start": self.start.tolist(), "line": self.line._asdict(), "features": self.features}
        return {**self.network.files(_NETWORK), _FACTS: json.dumps(facts, indent=1).encode()}


def _prior_logits(came: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(majority(came, 2).shares))


def _logits(network: Perceptron, found: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Logit of a profit, not calibrated."""
    stated = network.outputs(found, np.tile(start, (len(found), 1)))
    return np.asarray(stated[:, 1] - stated[:, 0])
