"""Publish what a check staged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from expectations.staging import PLAN, Plan, PlannedMonth, clear, read_plan, staged
from include.holds import NOT_FETCHED, read_holds, record_check
from include.lake import Lake
from include.publish import Published, publish_month, read_month
from include.schemas import conform

#: Rows of the quarantine may share a symbol and time; in bars the two are the key.
_ORDER = ("symbol", "timestamp", "as_of", "row")
#: By symbol and rule, the times of bars that carry a warning.
Warned = dict[str, dict[str, list[datetime]]]


def publish_checked(lake: Lake, plan_path: str) -> dict[str, Published]:
    """Bring the plan's months of bars and quarantine up to what the check staged, then remove the staging.

    In each month the rows of the plan's symbols are replaced and those of other symbols stay. Symbols that are held back keep the
    bars they have; what this check refused of them goes to quarantine all the same, in place of what it held of their source. A month
    for which there is nothing to store and nothing to replace is not touched. A publication that was interrupted is finished by
    calling this again.

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
    elsewhere = _held_of_other_sources(lake, plan)
    published, kept, warned = {}, {}, {}
    for month in plan.months:
        refused = staged(lake, plan_path, "quarantine", month)
        _publish(lake, Lake.quarantine(plan.timeframe), month.month, refused, partial(_refused_before, plan, month, elsewhere))
        bars = staged(lake, plan_path, "bars", month)
        kept[month.month] = Counter(bars["symbol"].to_pylist()) if month.held else {}
        warned[month.month] = _warned(bars.filter(_of(bars, month.held))) if month.held else {}
        bars = bars.filter(_of(bars, month.symbols)) if month.held else bars
        if result := _publish(lake, Lake.bars(plan.timeframe), month.month, bars, partial(_of, symbols=month.symbols)):
            published[month.month] = result
    _record_holds(lake, plan, kept, warned)
    clear(lake, plan_path.removesuffix(f"/{PLAN}"))
    return published


def _held_of_other_sources(lake: Lake, plan: Plan) -> dict[str, set[tuple[str, str]]]:
    """By month: symbol and source of rows that another source's check holds back; this plan says nothing of them."""
    found: dict[str, set[tuple[str, str]]] = {}
    symbols = dict.fromkeys(symbol for month in plan.months for symbol in (*month.symbols, *month.held))
    for hold in read_holds(lake, plan.timeframe, symbols):
        if hold.source != plan.source and hold.cause.rule != NOT_FETCHED:
            for month in hold.months:
                found.setdefault(month, set()).add((hold.symbol, hold.source))
    return found


def _refused_before(plan: Plan, month: PlannedMonth, elsewhere: Mapping[str, set[tuple[str, str]]], rows: pa.Table) -> pa.ChunkedArray:
    """Which rows of a month's quarantine this check replaces."""
    of_held = pc.and_(_of(rows, month.held), pc.equal(rows["source"], plan.source))
    replaced = pc.or_(_of(rows, month.symbols), of_held)
    for symbol, source in elsewhere.get(month.month, ()):
        replaced = pc.and_not(replaced, pc.and_(pc.equal(rows["symbol"], symbol), pc.equal(rows["source"], source)))
    return replaced


def _publish(lake: Lake, dataset: str, month: str, rows: pa.Table, replaced: Callable[[pa.Table], pa.ChunkedArray]) -> Published | None:
    held = read_month(lake, dataset, month, ["symbol", "source"])
    if not rows.num_rows and (held is None or not pc.any(replaced(held)).as_py()):
        return None

    def merged(held: pa.Table | None) -> pa.Table:
        if held is None:
            return rows.sort_by(order)
        held = conform(held, rows.schema, f"published {dataset}")
        return pa.concat_tables([held.filter(pc.invert(replaced(held))), rows]).sort_by(order)

    order = [(name, "ascending") for name in _ORDER if name in rows.column_names]
    return publish_month(lake, dataset, month, merged)


def _warned(bars: pa.Table) -> Warned:
    found: Warned = {}
    for row in bars.filter(bars["flags"].is_valid()).select(["symbol", "timestamp", "flags"]).to_pylist():
        for rule in row["flags"].split(","):
            found.setdefault(row["symbol"], {}).setdefault(rule, []).append(row["timestamp"])
    return found


def _record_holds(lake: Lake, plan: Plan, kept: Mapping[str, Mapping[str, int]], warned: Mapping[str, Warned]) -> None:
    months: dict[str, list[str]] = {}
    for month in plan.months:
        for symbol in (*month.symbols, *month.held):
            months.setdefault(symbol, []).append(month.month)
    for symbol, of_symbol in months.items():
        counts = {month: kept[month].get(symbol, 0) for month in of_symbol}
        odd = {month: warned[month].get(symbol, {}) for month in of_symbol}
        record_check(lake, plan.source, plan.timeframe, symbol, of_symbol, plan.held.get(symbol), counts, odd)


def _of(table: pa.Table, symbols: tuple[str, ...]) -> pa.ChunkedArray:
    return pc.is_in(table["symbol"], value_set=pa.array(symbols, pa.string()))
