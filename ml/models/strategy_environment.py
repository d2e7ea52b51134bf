"""The agent's world as a Gymnasium environment: at each decision it sees a strategy and stakes nothing, half or all of its part."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

#: Stakes of the actions, as fractions of what a strategy may get.
STAKES = np.array([0.0, 0.5, 1.0])
ACTIONS = ("skip", "half", "full")
#: Of the quadratic penalty; with 1 the reward is, to the second order, what the stake adds to the growth of equity.
RISK_AVERSION = 1.0


def reward(stake: np.ndarray | float, net_return: np.ndarray | float) -> np.ndarray:
    """Net return of the stake less a risk penalty: ``s r - a (s r)^2 / 2`` with risk aversion ``a``, as a fraction of equity."""
    earned = np.asarray(stake) * np.asarray(net_return)
    return np.asarray(earned - RISK_AVERSION / 2.0 * earned**2)


class StrategyEnvironment(gymnasium.Env[np.ndarray, np.int64]):
    """One episode goes once through the decisions, in order.

    What comes next does not depend on the action: a stake moves neither the market nor the strategy. So this is a contextual bandit,
    and afterwards it is known what every stake would have earned: ``info["rewards"]``, in the order of :data:`ACTIONS`. Nothing has
    to be tried to be learnt.

    Parameters
    ----------
    observations
        Shape (decisions, features), finite.
    net_returns
        What each strategy's next window earned, a fraction of equity, after costs.
    """

    def __init__(self, observations: np.ndarray, net_returns: np.ndarray) -> None:
        self._observations = np.asarray(observations, dtype=np.float32)
        self._rewards = reward(STAKES[None, :], np.asarray(net_returns)[:, None])
        self._place = 0
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (self._observations.shape[1],), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(STAKES))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Go back to the first decision."""
        super().reset(seed=seed, options=options)
        self._place = 0
        return self._observations[0].copy(), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Stake, and see the next decision; the last one is shown again when the episode ends."""
        rewards = self._rewards[self._place].copy()
        self._place += 1
        over = self._place >= len(self._observations)
        shown = self._observations[min(self._place, len(self._observations) - 1)].copy()
        return shown, float(rewards[int(action)]), over, False, {"rewards": rewards}
