"""Publish what a check staged."""

from __future__ import annotations

from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from expectations.staging import KINDS, PLAN, Plan, PlannedMonth, clear, read_plan, staged
from include.holds import record_check
from include.lake import Lake
from include.publish import Published, publish_month, read_month
from include.schemas import conform

_ORDER = {
    "bars": ("symbol", "timestamp"),
    "quarantine": ("symbol", "timestamp", "as_of", "row"),
}


def publish_checked(lake: Lake, plan_path: str) -> dict[str, Published]:
    """Bring the plan's months of bars and quarantine up to what the check staged, then remove the staging.

    In each month the rows of the plan's symbols are replaced and those of other symbols, and of those that are held back, stay.
    A month for which there is
    nothing to store and nothing to replace is not touched. A publication that was interrupted is finished by calling this again.

    Parameters
    ----------
    plan_path
        :attr:`expectations.request.CheckSummary.plan`.

    Returns
    -------
    dict
        Month -> its bars after publishing, for the months whose bars were written or found as they should be.

    Raises
    ------
    LakeError
        If the plan or a staged table is missing or damaged; the months published before are complete.
    """
    plan = read_plan(lake, plan_path)
    published = {}
    for month in plan.months:
        _publish(lake, plan, plan_path, "quarantine", month)
        if result := _publish(lake, plan, plan_path, "bars", month):
            published[month.month] = result
    _record_holds(lake, plan)
    clear(lake, plan_path.removesuffix(f"/{PLAN}"))
    return published


def _publish(lake: Lake, plan: Plan, plan_path: str, kind: str, month: PlannedMonth) -> Published | None:
    dataset = {"bars": Lake.bars, "quarantine": Lake.quarantine}[kind](plan.timeframe)
    rows = staged(lake, plan_path, kind, month)
    rows = rows.filter(_of(rows, month.symbols)) if month.held else rows
    if not rows.num_rows and not _holds(lake, dataset, month):
        return None
    return publish_month(lake, dataset, month.month, partial(_replaced, kind, month.symbols, rows))


def _record_holds(lake: Lake, plan: Plan) -> None:
    months: dict[str, list[str]] = {}
    for month in plan.months:
        for symbol in (*month.symbols, *month.held):
            months.setdefault(symbol, []).append(month.month)
    for symbol, of_symbol in months.items():
        record_check(lake, plan.source, plan.timeframe, symbol, of_symbol, plan.held.get(symbol))


def _holds(lake: Lake, dataset: str, month: PlannedMonth) -> bool:
    held = read_month(lake, dataset, month.month, ["symbol"])
    return held is not None and bool(pc.any(_of(held, month.symbols)).as_py())


def _replaced(kind: str, symbols: tuple[str, ...], rows: pa.Table, held: pa.Table | None) -> pa.Table:
    if held is not None:
        held = conform(held, KINDS[kind], f"published {kind}")
        rows = pa.concat_tables([held.filter(pc.invert(_of(held, symbols))), rows])
    return rows.sort_by([(name, "ascending") for name in _ORDER[kind]])


def _of(table: pa.Table, symbols: tuple[str, ...]) -> pa.ChunkedArray:
    return pc.is_in(table["symbol"], value_set=pa.array(symbols, pa.string()))
