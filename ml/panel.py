"""Rows of every symbol that has a price, for models that learn from all symbols together or from each by itself."""

from __future__ import annotations

import pandas as pd

from include.universes import Instrument, Kind
from ml.dataset import Source, leave_out_short

_STATISTIC = "it is a statistic and no price that anyone can hold"


def priced_rows(source: Source, model_id: str, names: list[str], needed: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """Feature rows, and why symbols of the universe take no part.

    Parameters
    ----------
    names
        Features to read.
    needed
        The one among them that must be known in enough rows (:func:`ml.dataset.too_short`).

    Raises
    ------
    ModelError
        If no symbol has enough.
    """
    statistics = {instrument.symbol: _STATISTIC for instrument in source.universe.instruments if not has_a_price(instrument)}
    priced = [symbol for symbol in source.universe.symbols if symbol not in statistics]
    rows = source.features(priced, names)
    known = rows[rows[needed].notna()]
    closes = {symbol: known.loc[known["symbol"] == symbol, "closed_at"] for symbol in priced}
    left_out = leave_out_short(model_id, closes, statistics, timeframe=source.timeframe)
    return rows[~rows["symbol"].isin(list(left_out))].reset_index(drop=True), left_out


def has_a_price(instrument: Instrument) -> bool:
    """Whether it can be held: the changes of an index that trades no volume (^VIX) are no returns."""
    return instrument.kind != Kind.INDEX or instrument.trades_volume
