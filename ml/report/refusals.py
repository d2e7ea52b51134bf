"""What was refused and why: the quarantine, by rule and symbol, with rows to look at."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from include.lake import Lake
from include.publish import list_months, read_month
from include.universes import Universe

_EXAMPLES = 5


@dataclass
class RuleRefusals:
    """Rows that one rule refused: how many by symbol, and the first few as they came."""

    rule: str
    symbols: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Refused rows of all symbols."""
        return sum(self.symbols.values())


@dataclass(frozen=True)
class Refusals:
    """By rule, most rows first."""

    rules: list[RuleRefusals]

    @property
    def rows(self) -> int:
        """All refused rows."""
        return sum(rule.rows for rule in self.rules)

    def of(self, symbol: str) -> int:
        """Refused rows of one symbol."""
        return sum(rule.symbols.get(symbol, 0) for rule in self.rules)


def read_refusals(lake: Lake, universe: Universe, timeframe: str) -> Refusals:
    """Go through all months of the quarantine, one at a time."""
    rules: dict[str, RuleRefusals] = {}
    dataset, wanted = lake.quarantine(timeframe), set(universe.symbols)
    for month in list_months(lake, dataset):
        table = read_month(lake, dataset, month)
        for row in table.to_pylist() if table is not None else []:
            if row["symbol"] not in wanted:
                continue
            rule = rules.setdefault(row["rule"], RuleRefusals(row["rule"]))
            rule.symbols[row["symbol"]] += 1
            if len(rule.examples) < _EXAMPLES:
                rule.examples.append(row)
    return Refusals(sorted(rules.values(), key=lambda rule: (-rule.rows, rule.rule)))
