"""``direction_lstm``: whether the next close is lower, about equal or higher, by a network over the last 20 sessions.

One network for all symbols. It starts from the shares of each symbol's classes, so that all it adds is what the sequence says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from ml.dataset import Dataset, Source
from ml.labels.direction import BAND, DIRECTIONS
from ml.methods.contributions import as_shares
from ml.methods.recurrent import STEPS, Recurrent, Settings, fit_recurrent, load_recurrent
from ml.methods.transitions import Transitions, as_columns
from ml.models.direction_data import NEXT, PLAIN, direction_baselines, direction_dataset, prior, symbol_codes
from ml.models.direction_judge import judge_directions
from ml.protocol import IMPORTANCE_FILE, Judgement, Predictions

_NETWORK = Settings(units=16, epochs=3, rate=0.0005, least_steps=200)
_TRIALS = 1
_FILE, _START_FILE = "direction", "start.json"


@dataclass(frozen=True)
class DirectionLstm:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Size of the network, how it learns, the neutral band (fraction) and the names of the codes."""
        return {**_NETWORK._asdict(), "steps": STEPS, "band": BAND, "classes": list(DIRECTIONS), "trials": _TRIALS}

    def group(self, label: str, symbol: str) -> str:  # noqa: ARG002 - one label only
        """Name the symbol."""
        return symbol

    def prepare(self, source: Source) -> Dataset:
        """Rows of every symbol that has a price and two years of bars; the others are named in ``left_out``."""
        return direction_dataset(source, "direction_lstm", list(PLAIN))

    def fit(self, known: Dataset, *, seed: int) -> FittedDirection:
        """Fit one network for all symbols."""
        begin = Start(prior(known), tuple(known.symbols), tuple(known.features))
        values = known.rows[known.features].to_numpy(np.float64)
        classes = known.labels[NEXT]["value"].to_numpy(np.float64)
        network = fit_recurrent(
            values, known.rows["symbol"], begin.logits(known.rows), classes, kind="classes", settings=_NETWORK, seed=seed
        )
        return FittedDirection(network, begin, as_shares(network.reliance(values, known.rows["symbol"]).sum(axis=1), known.features))

    def load(self, files: Mapping[str, bytes]) -> FittedDirection:
        """Read back what :meth:`FittedDirection.files` gave."""
        raw = json.loads(files[_START_FILE])
        shares = Transitions(tuple(tuple(row) for row in raw["shares"]["matrix"]), tuple(raw["shares"]["shares"]))
        begin = Start(shares, tuple(raw["symbols"]), tuple(raw["features"]))
        return FittedDirection(load_recurrent(files, _FILE), begin, json.loads(files[IMPORTANCE_FILE])[NEXT])

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """See :func:`ml.models.direction_data.direction_baselines`."""
        return direction_baselines(known, data)

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.direction_judge.judge_directions`."""
        return judge_directions(walk_forward)


@dataclass(frozen=True)
class Start:
    """Shares of the classes of each of ``symbols`` (others: of all), and the columns that the network looks at."""

    shares: Transitions
    symbols: tuple[str, ...]
    features: tuple[str, ...]

    def logits(self, rows: pd.DataFrame) -> np.ndarray:
        """Shape (rows, 3)."""
        return np.asarray(np.log(self.shares.probabilities(symbol_codes(rows, list(self.symbols)))))


@dataclass(frozen=True)
class FittedDirection:
    """One network, where it starts from, and the features' shares in how far it goes from there."""

    network: Recurrent
    start: Start
    importance: dict[str, float]

    def predict(self, data: Dataset) -> Predictions:
        """Likeliest direction ``model`` and probabilities ``p0`` (down), ``p1`` (neutral), ``p2`` (up)."""
        values = data.rows[list(self.start.features)].to_numpy(np.float64)
        logits = self.network.outputs(values, data.rows["symbol"], self.start.logits(data.rows))
        return {NEXT: as_columns("model", softmax(logits, axis=1), data.rows.index)}

    def files(self) -> dict[str, bytes]:
        """``direction.keras``, ``direction.json``, ``start.json`` and ``importance.json``."""
        return {
            **self.network.files(_FILE),
            _START_FILE: json.dumps(asdict(self.start), indent=1).encode(),
            IMPORTANCE_FILE: json.dumps({NEXT: self.importance}, indent=1).encode(),
        }
