"""Rows of every symbol that has a price, for models that learn from all symbols together or from each by itself."""

from __future__ import annotations

import re

import pandas as pd

from include.errors import ModelError
from include.publish import list_months
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
        If there is no row at all, or no symbol has enough.
    """
    statistics = {instrument.symbol: _STATISTIC for instrument in source.universe.instruments if not has_a_price(instrument)}
    priced = [symbol for symbol in source.universe.symbols if symbol not in statistics]
    begun = bool(list_months(source.lake, source.lake.bars(source.timeframe)))
    rows = source.features(priced, names) if begun else pd.DataFrame()
    if rows.empty:
        raise _no_data(source, model_id, priced)
    known = rows[rows[needed].notna()]
    closes = {symbol: known.loc[known["symbol"] == symbol, "closed_at"] for symbol in priced}
    left_out = leave_out_short(model_id, closes, statistics, timeframe=source.timeframe)
    return rows[~rows["symbol"].isin(list(left_out))].reset_index(drop=True), left_out


def has_a_price(instrument: Instrument) -> bool:
    """Whether it can be held: the changes of an index that trades no volume (^VIX) are no returns."""
    return instrument.kind != Kind.INDEX or instrument.trades_volume


def _no_data(source: Source, model_id: str, symbols: list[str]) -> ModelError:
    """Say which data is not there, in the lake and, of bars shorter than a day, in the table that is made of it."""
    table = "" if source.timeframe == "1d" else " and table features_snapshots"
    since = f"{source.start:%Y-%m-%d}" if source.start else "the first bar"
    until = f"{source.end:%Y-%m-%d}" if source.end else "the last"
    question = re.split(r"[0-9_]", model_id)[0]
    return ModelError(
        f"No data found for {question} dataset: features of {source.timeframe} bars in {source.lake.url}{table} hold "
        f"nothing of {', '.join(symbols)} from {since} to {until}; run the DAG backfill_market with universe {source.universe.name} "
        f"and timeframe {source.timeframe}"
    )
