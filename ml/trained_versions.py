"""Which version of a model was trained on a lake: noted in the lake itself, since one registry may serve many lakes."""

from __future__ import annotations

import json

from include.errors import ModelError
from include.lake import Lake


def note_version(lake: Lake, universe: str, timeframe: str, model_id: str, version: str) -> None:
    """Note the version that the newest training on these bars gave; equal notes give equal bytes."""
    content = f"{json.dumps({'model': model_id, 'version': version})}\n".encode()
    path = _path(universe, timeframe, model_id)
    if not lake.exists(path) or lake.read(path) != content:
        lake.write(path, content)


def noted_version(lake: Lake, universe: str, timeframe: str, model_id: str) -> str | None:
    """Version that the newest training on these bars gave; None where none was.

    Raises
    ------
    ModelError
        If the note is damaged.
    """
    path = _path(universe, timeframe, model_id)
    if not lake.exists(path):
        return None
    try:
        return str(json.loads(lake.read(path))["version"])
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{lake.url}/{path} is not the note of a model's version ({error!r}); run train_models again") from error


def _path(universe: str, timeframe: str, model_id: str) -> str:
    return f"models/timeframe={timeframe}/universe={universe}/{model_id}.json"
