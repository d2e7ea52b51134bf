"""Rows that a person lets through although a rule refuses them; see ``releases`` in ``config/quality.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from include.errors import ConfigurationError
from include.quality import Release

#: The warning that such a bar carries.
RELEASED = "released"


class Releases:
    """What was released, and which rows of this check were let through by it.

    Raises
    ------
    ConfigurationError
        If a release names a rule that there is not.
    """

    def __init__(self, releases: Sequence[Release], rules: Sequence[str]) -> None:
        for release in releases:
            if unknown := sorted(set(release.rules) - set(rules)):
                raise ConfigurationError(
                    f"quality.yaml, releases, {release.symbol} {release.timestamp}: rule {', '.join(unknown)} is unknown; "
                    f"use some of {', '.join(rules)}"
                )
        self._rules = {(release.symbol, release.timestamp): set(release.rules) for release in releases}
        self._let_through: set[tuple[str, datetime]] = set()

    def without(self, broken: dict[int, list[str]], rows: pa.Table) -> dict[int, list[str]]:
        """Leave out the rules from which a row was released, and rows that then break none; ``broken`` is by position in ``rows``."""
        if not self._rules:
            return broken
        left = {}
        for position, rules in broken.items():
            key = (rows["symbol"][position].as_py(), rows["timestamp"][position].as_py())
            remaining = [rule for rule in rules if rule not in self._rules.get(key, ())]
            if remaining:
                left[position] = rules
            else:
                self._let_through.add(key)
        return left

    def lets(self, symbol: str, timestamp: datetime, rule: str) -> bool:
        """Whether a row was released from a rule; then it is one of those that were let through."""
        key = symbol, timestamp
        released = rule in self._rules.get(key, ())
        if released:
            self._let_through.add(key)
        return released

    def among(self, rows: pa.Table) -> set[int]:
        """Positions of the rows that were let through."""
        if not self._let_through:
            return set()
        keys = zip(rows["symbol"].to_pylist(), rows["timestamp"].to_pylist(), strict=True)
        return {position for position, key in enumerate(keys) if key in self._let_through}
