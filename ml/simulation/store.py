"""Publish what was simulated: month by month to the lake, and what the lake holds to the results database.

Each month changes in one step in the lake and in one transaction in the database, which notes the content that it holds. Who is killed
on the way runs again: what is up to date is left alone, the rest is brought up to date. That all is up to date does not mean that anybody
heard of it: :func:`untold` names the months that no page and no event told of yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import Engine

from include.lake import Lake
from include.months import MONTH_FORMAT, months_between
from include.publish import Published, list_months, read_month
from include.results.monthly import replace_month, stored_content
from include.results.tables import BACKTEST_RESULTS, TRADES_SANDBOX
from include.trade_runs import note_run, read_told
from include.trades import publish_trades
from ml.simulation.run import Simulated

_BATCH = 2_000


def publish_simulated(lake: Lake, engine: Engine, simulated: Simulated) -> list[Published]:
    """Publish trades and backtests; each month that has some.

    A month ``changed`` where the lake or a table did. Its ``content`` is the hash over its trades and backtests, ``rows`` counts its
    trades. A run that never traded has no month.

    Raises
    ------
    LakeError, ResultsError
        If the lake or the database cannot be written.
    """
    run_id, trades = simulated.run_id, simulated.trades
    known = list_months(lake, lake.trades(run_id))
    by_month = dict(list(trades.groupby(trades["entered_at"].dt.strftime(MONTH_FORMAT))))
    if not known and not by_month:
        return []
    note_run(lake, run_id, simulated.note)
    trading: dict[str, Published] = {}
    for month in months_between(simulated.since, simulated.until + pd.Timedelta(microseconds=1)):
        if month in by_month or month in known:
            published = publish_trades(lake, run_id, month, by_month.get(month, trades.iloc[:0]))
            stored = store_trades(lake, engine, run_id, published)
            trading[month] = replace(published, changed=published.changed or stored)
    backtests = dict(_store_backtests(engine, simulated))
    return [_together(month, trading.get(month), backtests.get(month)) for month in sorted({*trading, *backtests})]


def untold(lake: Lake, run_id: str, published: Sequence[Published]) -> list[Published]:
    """Those of the months of a run that changed, or that no page and no event told of: who published them was killed before."""
    told = read_told(lake, run_id).months
    return [month for month in published if month.changed or told.get(month.month) != month.content]


def store_trades(lake: Lake, engine: Engine, run_id: str, month: Published) -> bool:
    """Bring ``trades_sandbox`` up to date with a month of the lake; whether it was not."""
    dataset = lake.trades(run_id)
    if stored_content(engine, dataset, month.month) == month.content:
        return False
    rows = _records(read_month(lake, dataset, month.month))
    replace_month(engine, TRADES_SANDBOX, month.month, rows, scope={"run_id": run_id}, dataset=dataset, content=month.content)
    return True


def _together(month: str, trades: Published | None, backtests: Published | None) -> Published:
    both = [part for part in (trades, backtests) if part is not None]
    content = hashlib.sha256("".join(part.content for part in both).encode()).hexdigest()
    return Published(month, trades.rows if trades else 0, content, any(part.changed for part in both))


def _store_backtests(engine: Engine, simulated: Simulated) -> Iterator[tuple[str, Published]]:
    backtests = simulated.backtests
    if backtests.empty:
        return
    dataset = f"backtests/run={simulated.run_id}"
    for month, rows in backtests.groupby(backtests["window_start"].dt.strftime(MONTH_FORMAT)):
        content = hashlib.sha256(rows.to_json(orient="records", date_unit="us", double_precision=15).encode()).hexdigest()
        if changed := stored_content(engine, dataset, str(month)) != content:
            records = _records(pa.Table.from_pandas(rows, preserve_index=False))
            scope = {"run_id": simulated.run_id}
            replace_month(engine, BACKTEST_RESULTS, str(month), records, scope=scope, dataset=dataset, content=content)
        yield str(month), Published(str(month), len(rows), content, changed)


def _records(table: pa.Table | None) -> Iterator[dict[str, Any]]:
    for batch in () if table is None else table.to_batches(_BATCH):
        yield from batch.to_pylist()
