"""One series, one price scale: bars adjusted for dividends and bars that are not may not stand in one symbol's history.

Splits are no matter here: each file is brought to one scale by the splits later than its own state when features are computed.
Dividends are not, so that the seam between two such sources would be a return that nobody ever made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pyarrow as pa

from include.holds import Cause
from include.lake import Lake
from include.landing import Adjustment
from include.publish import list_months, read_month

_DIVIDENDS = Adjustment.SPLIT_AND_DIVIDEND.value
_COLUMNS = ["symbol", "adjustment", "source"]
RULE = "one_price_scale"


class Scales:
    """Adjustment states and sources of each symbol's bars."""

    def __init__(self) -> None:
        self._seen: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._months: dict[str, list[str]] = defaultdict(list)

    def add(self, bars: pa.Table, month: str | None = None) -> None:
        """Take note of bars, with the month that they are of where that matters."""
        for row in bars.select(_COLUMNS).group_by(_COLUMNS).aggregate([]).to_pylist():
            self._seen[row["symbol"]].add((row["adjustment"], row["source"]))
            if month and month not in self._months[row["symbol"]]:
                self._months[row["symbol"]].append(month)

    def against_published(self, lake: Lake, timeframe: str, months: Iterable[str]) -> dict[str, Cause]:
        """Say which symbols may not be published in ``months``, with the reason, since other published months are on another scale."""
        published, own = Scales(), set(months)
        for month in list_months(lake, lake.bars(timeframe)):
            if month not in own and (bars := read_month(lake, lake.bars(timeframe), month, _COLUMNS)) is not None:
                published.add(bars, month)
        return {symbol: cause for symbol in self._seen if (cause := self._conflict(symbol, published))}

    def _conflict(self, symbol: str, published: Scales) -> Cause | None:
        own, other = self._seen[symbol], published._seen.get(symbol, set())
        states = {adjustment == _DIVIDENDS for adjustment, _ in own | other}
        if len(states) == 1:
            return None
        if not other:
            return Cause(RULE, f"its bars come on two price scales, {_told(own)}", "fetch all of them from one source")
        months = published._months[symbol]
        return Cause(
            RULE,
            f"its bars are {_told(own)}, those of its other {len(months)} published months ({months[0]} to {months[-1]}) {_told(other)}: "
            "one series needs one price scale",
            "take the same source, another LAKE, or backfill those months from this source too",
        )


def _told(seen: set[tuple[str, str]]) -> str:
    words = sorted({f"{'adjusted' if state == _DIVIDENDS else 'not adjusted'} for dividends (source {source})" for state, source in seen})
    return " and ".join(words)
