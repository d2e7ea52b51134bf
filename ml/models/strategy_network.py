"""What the strategy models that are small networks of dense layers share: their settings, and which of them to search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml.methods.perceptron import Settings
from ml.models.strategy_data import StrategyModel


@dataclass(frozen=True)
class StrategyNetwork(StrategyModel):
    """The model, unfitted.

    It learns for ``estimators`` epochs at ``rate``; ``depth`` layers of ``units``, with L2 ``penalty`` and ``dropout``.
    """

    estimators: int = 10
    rate: float = 0.003
    depth: int = 1
    units: int = 16
    penalty: float = 0.003
    dropout: float = 0.2

    @property
    def settings(self) -> Settings:
        """Of the network."""
        return Settings(self.depth, self.units, self.estimators, self.rate, self.penalty, self.dropout)

    def params(self) -> dict[str, Any]:
        """Settings of the network, and what all strategy models have."""
        own = {name: getattr(self, name) for name in ("estimators", "rate", "depth", "units", "penalty", "dropout")}
        return {**self.question(), **own}

    def space(self) -> dict[str, tuple[float, float, bool]]:
        """Parameters to search: lowest, highest, and whether by ratio."""
        return {"estimators": (3, 30, True), "rate": (0.0005, 0.02, True), "depth": (1, 3, False), "penalty": (0.0001, 0.1, True)}
