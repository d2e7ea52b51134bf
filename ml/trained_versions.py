"""What came of training a model on a lake: noted in the lake itself, since one registry may serve many lakes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from include.errors import ModelError
from include.lake import Lake


@dataclass(frozen=True)
class Note:
    """The ``version`` that the newest training on these bars gave.

    Where the newest found too little data, ``shortage`` says so, and where it found nothing to choose ``no_edge``.
    """

    version: str | None = None
    shortage: str | None = None
    no_edge: str | None = None


def note_version(lake: Lake, universe: str, timeframe: str, model_id: str, version: str) -> None:
    """Note the version that the newest training on these bars gave; equal notes give equal bytes."""
    _write(lake, _path(universe, timeframe, model_id), {"model": model_id, "version": version})


def note_shortage(lake: Lake, universe: str, timeframe: str, model_id: str, reason: str) -> None:
    """Note that the newest training found too little data; the version of an earlier one stays noted."""
    before = read_note(lake, universe, timeframe, model_id)
    _write(lake, _path(universe, timeframe, model_id), {"model": model_id, "version": before.version, "shortage": reason})


def note_no_edge(lake: Lake, universe: str, timeframe: str, model_id: str, answer: str) -> None:
    """Note that the newest training found no edge; the answer takes the place of an earlier version."""
    _write(lake, _path(universe, timeframe, model_id), {"model": model_id, "version": None, "no_edge": answer})


def read_note(lake: Lake, universe: str, timeframe: str, model_id: str) -> Note:
    """Read what was noted; empty where nothing was.

    Raises
    ------
    ModelError
        If the note is damaged.
    """
    path = _path(universe, timeframe, model_id)
    if not lake.exists(path):
        return Note()
    try:
        found = json.loads(lake.read(path))
        return Note(None if found["version"] is None else str(found["version"]), found.get("shortage"), found.get("no_edge"))
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{lake.url}/{path} is not the note of a model's version ({error!r}); run train_models again") from error


def _write(lake: Lake, path: str, note: dict[str, Any]) -> None:
    content = f"{json.dumps(note)}\n".encode()
    if not lake.exists(path) or lake.read(path) != content:
        lake.write(path, content)


def _path(universe: str, timeframe: str, model_id: str) -> str:
    return f"models/timeframe={timeframe}/universe={universe}/{model_id}.json"
