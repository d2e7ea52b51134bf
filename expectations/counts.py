"""Rows by symbol and rule, each counted where it happens, and some of them to show."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from expectations.request import SymbolCounts, Warned
from include.errors import LakeError

_EXAMPLES = 20


@dataclass
class Counts:
    """``refused`` and ``flagged`` are the first rows of each rule: symbol, timestamp, rule, reason."""

    superseded: Counter[str] = field(default_factory=Counter)
    fetched: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    refused: list[dict[str, Any]] = field(default_factory=list)
    flagged: list[dict[str, Any]] = field(default_factory=list)
    _shown: Counter[str] = field(default_factory=Counter)
    _warned: dict[str, dict[str, tuple[int, datetime]]] = field(default_factory=lambda: defaultdict(dict))

    def refuse(self, row: dict[str, Any]) -> None:
        """Count a quarantined row."""
        self.quarantined[row["symbol"]] += 1
        self.rules[row["rule"]] += 1
        if self.rules[row["rule"]] <= _EXAMPLES:
            self.refused.append(row)

    def flag(self, symbol: str, timestamp: datetime, rules: Sequence[str]) -> None:
        """Count a kept row with warnings."""
        self.flags.update(rules)
        for rule in rules:
            bars, first = self._warned[rule].get(symbol, (0, timestamp))
            self._warned[rule][symbol] = bars + 1, min(first, timestamp)

    def warned(self, rule: str) -> dict[str, Warned]:
        """By symbol the kept rows that carry a warning, those with the most first."""
        found = sorted(self._warned[rule].items(), key=lambda item: (-item[1][0], item[0]))
        return {symbol: Warned(bars, first.isoformat()) for symbol, (bars, first) in found}

    def to_show(self, broken: Mapping[int, Sequence[str]], counted: np.ndarray) -> list[int]:
        """Positions of the flagged rows that hold a warning of which not enough are shown yet."""
        waiting, places = Counter(self._shown), []
        for position in sorted(broken):
            if counted[position] and any(waiting[rule] < _EXAMPLES for rule in broken[position]):
                waiting.update(broken[position])
                places.append(position)
        return places

    def show(self, row: Mapping[str, Any], reasons: Mapping[str, str]) -> None:
        """Keep the warnings of a row to be shown."""
        for rule, reason in reasons.items():
            self._shown[rule] += 1
            if self._shown[rule] <= _EXAMPLES:
                self.flagged.append({"symbol": row["symbol"], "timestamp": row["timestamp"], "rule": rule, "reason": reason})

    def of(self, symbol: str) -> SymbolCounts:
        """Rows of one symbol."""
        fetched, superseded = self.fetched[symbol], self.superseded[symbol]
        return SymbolCounts(fetched + superseded, superseded, fetched, self.kept[symbol], self.quarantined[symbol])

    def assert_nothing_lost(self) -> None:
        """Raise a LakeError where kept and quarantined rows are not all that were fetched."""
        for symbol, fetched in self.fetched.items():
            if fetched != self.kept[symbol] + self.quarantined[symbol]:
                raise LakeError(
                    f"{symbol}: {fetched} rows fetched, but {self.kept[symbol]} kept and "
                    f"{self.quarantined[symbol]} quarantined; nothing was published"
                )
