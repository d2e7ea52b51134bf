"""``strategy_agent``: stake nothing, half or all on a strategy's next window; a contextual bandit with a small network as Q.

It goes through the decisions of :mod:`ml.models.strategy_environment` and learns what each stake is worth. Q of a stake is its expected
reward; the softmax of the three is its policy. What the policy stakes on average, calibrated on a later part of the training rows, is
stated as the probability of a profit, so that the agent is judged on the same label as the other strategy models.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit, softmax

from ml.dataset import Dataset
from ml.methods.calibration import Line, carry_line
from ml.methods.perceptron import Perceptron, fit_perceptron, load_perceptron
from ml.methods.transitions import as_columns
from ml.models.strategy_data import NET_RETURN, NEXT, learned, two_columns, two_parts, values
from ml.models.strategy_environment import ACTIONS, RISK_AVERSION, STAKES, StrategyEnvironment
from ml.models.strategy_network import StrategyNetwork
from ml.protocol import Predictions

_NETWORK, _FACTS = "network", "agent.json"


@dataclass(frozen=True)
class StrategyAgent(StrategyNetwork):
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Settings of the network and the reward, and what all strategy models have."""
        return super().params() | {"actions": list(ACTIONS), "risk_aversion": RISK_AVERSION}

    def fit(self, known: Dataset, *, seed: int) -> FittedAgent:
        """Learn Q from an earlier part to calibrate on the later, then from all."""
        taken, came = learned(known)
        found, returns = values(known.rows[taken], known.features), _net_returns(known, taken, came)
        early, late = two_parts(known, taken)
        first, last = (self._learn(found[part], returns[part], seed) for part in (early, np.ones(len(came), dtype=bool)))
        stakes = (_stake_logits(_policy(net, found[part])) for net, part in ((first, early), (first, late), (last, slice(None))))
        learnt, judged, final = stakes
        line = carry_line(learnt, judged, came[late], final)
        return FittedAgent(last, line, tuple(known.features))

    def load(self, files: Mapping[str, bytes]) -> FittedAgent:
        """Read back what :meth:`FittedAgent.files` gave."""
        facts = json.loads(files[_FACTS])
        return FittedAgent(load_perceptron(files, _NETWORK), Line(**facts["line"]), tuple(facts["features"]))

    def _learn(self, found: np.ndarray, returns: np.ndarray, seed: int) -> Perceptron:
        rewards = live_through(StrategyEnvironment(np.nan_to_num(found), returns), seed)
        scale = float(rewards.std()) or 1.0
        return fit_perceptron(found, np.zeros_like(rewards), rewards / scale, kind="values", settings=self.settings, seed=seed)


@dataclass(frozen=True, eq=False)
class FittedAgent:
    """Q as a network, in standard deviations of the rewards of training, and the line that makes its stakes a probability."""

    network: Perceptron
    line: Line
    features: tuple[str, ...]

    def predict(self, data: Dataset) -> Predictions:
        """Stake ``model`` (0, 0.5 or 1) and probabilities ``p0`` (loss), ``p1`` (profit)."""
        policy = self.predict_proba(data)
        stated = as_columns("model", two_columns(expit(self.line(_stake_logits(policy)))), data.rows.index)
        return {NEXT: stated.assign(model=STAKES[policy.argmax(axis=1)])}

    def predict_proba(self, data: Dataset) -> np.ndarray:
        """Policy: the softmax of Q, of skip, half and full; shape (rows, 3)."""
        return _policy(self.network, values(data.rows, list(self.features)))

    def files(self) -> dict[str, bytes]:
        """``network.keras``, ``network.json`` and ``agent.json``."""
        facts = {"line": self.line._asdict(), "features": self.features}
        return {**self.network.files(_NETWORK), _FACTS: json.dumps(facts, indent=1).encode()}


def live_through(environment: StrategyEnvironment, seed: int) -> np.ndarray:
    """One episode of random stakes; what each stake would have earned at each decision, shape (decisions, actions)."""
    environment.reset(seed=seed)
    chance, lived, over = np.random.default_rng(seed), [], False
    while not over:
        _, _, over, _, told = environment.step(np.int64(chance.integers(len(STAKES))))
        lived.append(told["rewards"])
    return np.array(lived)


def _net_returns(known: Dataset, taken: np.ndarray, came: np.ndarray) -> np.ndarray:
    """What the next window earned, with the sign that the label says: a label that was changed changes what is learnt."""
    size = known.labels[NEXT].loc[taken, NET_RETURN].abs().to_numpy(np.float64)
    return np.asarray(np.where(came == 1, size, -size))


def _policy(network: Perceptron, found: np.ndarray) -> np.ndarray:
    return np.asarray(softmax(network.outputs(found, np.zeros((len(found), len(STAKES)))), axis=1))


def _stake_logits(policy: np.ndarray) -> np.ndarray:
    """Logit of the mean stake of the policy, which lies between 0 and 1."""
    return np.asarray(logit(np.clip(policy @ STAKES, 1e-6, 1.0 - 1e-6)))
