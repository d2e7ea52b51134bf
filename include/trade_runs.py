"""What is noted beside the trades of a run: what it was simulated at, and what a page and an event told of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from include.costs import Costs
from include.errors import LakeError
from include.lake import Lake

_RUN, _TOLD = "_run.json", "_told.json"


@dataclass(frozen=True)
class TradeRun:
    """The costs of a run, and whether it traded on predictions whose outcome the model had learnt."""

    costs: Costs
    in_sample: bool = False


@dataclass(frozen=True)
class Told:
    """The newest page that shows a run (empty: it has none), and the content of each month that pages and events told of."""

    page: str = ""
    months: Mapping[str, str] = field(default_factory=dict)


def note_run(lake: Lake, run_id: str, run: TradeRun) -> None:
    """Note what a run is, before its first trade is published; equal notes are not written again."""
    _write(lake, run_id, _RUN, {"costs": run.costs.model_dump(), "in_sample": run.in_sample})


def read_run(lake: Lake, run_id: str) -> TradeRun | None:
    """What a run is; None where nothing was noted: real fills, and what an earlier release simulated.

    Raises
    ------
    LakeError
        If the note is damaged.
    """
    raw = _read(lake, run_id, _RUN)
    try:
        return None if raw is None else TradeRun(Costs.model_validate(raw["costs"]), bool(raw["in_sample"]))
    except (KeyError, TypeError, ValidationError) as error:
        raise _damaged(lake, run_id, _RUN, error) from error


def note_told(lake: Lake, run_id: str, page: str, months: Mapping[str, str]) -> None:
    """Note that the event about some months of a run was sent, and the page written; only for who runs when both is done."""
    _write(lake, run_id, _TOLD, {"page": page, "months": {**read_told(lake, run_id).months, **months}})


def read_told(lake: Lake, run_id: str) -> Told:
    """What was told of a run; nothing where its page is not there any more, so that whoever asks has it told again.

    Raises
    ------
    LakeError
        If the note is damaged.
    """
    raw = _read(lake, run_id, _TOLD)
    try:
        there = raw is not None and (not raw["page"] or lake.exists(raw["page"]))
        return Told(str(raw["page"]), dict(raw["months"])) if there else Told()
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(lake, run_id, _TOLD, error) from error


def _read(lake: Lake, run_id: str, name: str) -> Any:
    try:
        return json.loads(lake.read(f"{lake.trades(run_id)}/{name}"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _damaged(lake, run_id, name, error) from error


def _write(lake: Lake, run_id: str, name: str, note: Mapping[str, Any]) -> None:
    path, content = f"{lake.trades(run_id)}/{name}", f"{json.dumps(note, sort_keys=True)}\n".encode()
    if not lake.exists(path) or lake.read(path) != content:
        lake.write(path, content)


def _damaged(lake: Lake, run_id: str, name: str, error: Exception) -> LakeError:
    return LakeError(f"{lake.url}/{lake.trades(run_id)}/{name} is damaged ({error!r}); delete it and run simulate_trades again")
