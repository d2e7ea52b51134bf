"""From which runs of trades a model learns: those at the costs in force, or the one that a form names; a what-if teaches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from include.costs import Costs, costs_of
from include.errors import UnsuitableError
from include.lake import Lake
from include.real_fills import FILLS
from include.trade_runs import TradeRun, read_run

_AGAIN = "nobody noted at what costs it was simulated; run simulate_trades again"
_MOST_NAMED = 5


@dataclass(frozen=True)
class ChosenRuns:
    """Ids of the runs that count, the costs that they were simulated at (None: not known), and why others do not count, by id."""

    run_ids: tuple[str, ...] = ()
    costs: dict[str, float] | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def reasons(self) -> dict[str, str]:
        """For a card: what took no part, and why."""
        return {f"run {run_id}": why for run_id, why in self.left_out.items()}

    def facts(self, run_id: pd.Series) -> dict[str, Any]:
        """For a card: the runs that rows are of, a run a row, and their costs."""
        return {"runs": sorted(run_id.unique()), "costs": self.costs}


def choose_runs(lake: Lake, universe: str, run_ids: Sequence[str], named: str | None = None) -> ChosenRuns:
    """Choose among runs; real fills always count.

    Parameters
    ----------
    run_ids
        Runs that hold something of what is to be learnt.
    named
        The run to learn from, whatever its costs; None: all that were simulated at the costs of the universe.

    Raises
    ------
    UnsuitableError
        If the named run is not among them or is marked in-sample, or if there are none but of other costs.
    LakeError
        If the note of a run is damaged.
    """
    fills = [run_id for run_id in run_ids if run_id == FILLS]
    simulated = {run_id: read_run(lake, run_id) for run_id in sorted(run_ids) if run_id != FILLS}
    if named is not None:
        return _only(named, simulated, fills)
    in_force = costs_of(universe)
    left_out = {run_id: why for run_id, run in simulated.items() if (why := _why_not(run, in_force))}
    taken = [*(run_id for run_id in simulated if run_id not in left_out), *fills]
    if left_out and not taken:
        shown = "; ".join(f"{run_id}: {why}" for run_id, why in list(left_out.items())[:_MOST_NAMED])
        more = f"; and {len(left_out) - _MOST_NAMED} more" if len(left_out) > _MOST_NAMED else ""
        raise UnsuitableError(
            f"No trades at the costs in force found, only runs that ask what if ({shown}{more}); run simulate_trades for universe "
            f"{universe!r} without costs, or name a run in the field trades_run"
        )
    return ChosenRuns(tuple(taken), in_force.model_dump(), left_out)


def _only(named: str, simulated: dict[str, TradeRun | None], fills: list[str]) -> ChosenRuns:
    if named not in simulated:
        known = f"there are {', '.join(simulated)}" if simulated else "there is no run of them; run simulate_trades"
        raise UnsuitableError(f"trades_run {named!r} holds nothing of this universe and timeframe; {known}")
    run = simulated[named]
    if run is not None and run.in_sample:
        raise UnsuitableError(f"trades_run {named!r} is marked in-sample: its model had learnt how the trades end; name another run")
    others = {run_id: f"the form names {named}" for run_id in simulated if run_id != named}
    return ChosenRuns((named, *fills), None if run is None else run.costs.model_dump(), others)


def _why_not(run: TradeRun | None, in_force: Costs) -> str | None:
    if run is None:
        return _AGAIN
    if run.in_sample:
        return "it is marked in-sample: its model had learnt how the trades end"
    wanted = in_force.model_dump()
    other = [f"{name} {rate:g} (in force: {wanted[name]:g})" for name, rate in run.costs.model_dump().items() if rate != wanted[name]]
    return f"it was simulated at {', '.join(other)}" if other else None
