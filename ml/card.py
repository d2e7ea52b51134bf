"""The card of a model version: what it was made from and what it is worth, as plain JSON."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Any

import pandas as pd

from include.errors import ModelError
from include.feature_sets import FeatureSet
from include.settings import DatedSplit
from ml.catalog import Entry
from ml.dataset import Dataset, Source
from ml.protocol import Judgement
from ml.validation.verdicts import VERDICTS

_SCHEME = (
    "walk-forward: expanding training, refit for each fold of a year (of 30 days where there is less than a year), labels purged by the "
    "time they are known"
)
_CODE = Path(__file__).parent
_NOT_TRAINING = (
    "report", "models", "drift", "stages.py", "card.py", "registry.py", "registry_server.py", "catalog.py", "gate.py", "promotion.py",
    "decision_card.py", "prediction.py", "replay.py",
)  # fmt: skip


def describe(
    entry: Entry, source: Source, feature_set: FeatureSet, data: Dataset, params: Mapping[str, Any], seed: int, split: DatedSplit
) -> dict[str, Any]:
    """Return the part of a card that is known before training; trainings that agree in it give the same model.

    ``identity`` is the SHA-256 over all that decides the result: data, feature set, code, libraries, parameters and seed. What took no
    part decides nothing: a simulation that asks what if makes no other version.
    """
    facts: dict[str, Any] = {
        "model_name": entry.model_id,
        "question": entry.question,
        "label": entry.label,
        "universe": source.universe.name,
        "symbols": data.symbols,
        "timeframe": source.timeframe,
        "feature_set": feature_set.id,
        "feature_count": len(data.features),
        "features": data.features,
        "seed": seed,
        "params": dict(params),
        "split": split.model_dump(mode="json"),
        "data_hash": data.content_hash(),
        "code_hash": _code_hash(entry),
        "libraries": {name: library_version(name) for name in ("numpy", "pandas", *entry.libraries)},
    }
    if data.learnt_from:
        facts |= {"trades_run": source.trades_run, "costs": data.learnt_from["costs"]}
    identity = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return facts | {"left_out": data.left_out, "learnt_from": data.learnt_from, "identity": identity}


def describe_runs(learnt_from: Mapping[str, Any]) -> str:
    """Which runs of trades a model learnt from and what these cost, in words; empty where it learnt from none."""
    if not learnt_from:
        return ""
    runs, costs = learnt_from["runs"], learnt_from["costs"]
    rates = ", ".join(f"{name} {rate:g}" for name, rate in costs.items()) if costs else "costs that nobody noted"
    return f"learnt from the trades of {'run' if len(runs) == 1 else 'runs'} {', '.join(runs)}, a side at {rates}"


def evaluated(facts: Mapping[str, Any], data: Dataset, predictions: pd.DataFrame, judgement: Judgement, weights: str) -> dict[str, Any]:
    """Return the whole card but for its version.

    Raises
    ------
    ModelError
        If a figure is not finite or a verdict is not one of :data:`ml.validation.verdicts.VERDICTS`.
    """
    labelled = pd.concat([label["value"].notna() for label in data.labels.values()], axis=1).any(axis=1)
    # A trade or an option may end, and be learnt from, long after the last row.
    outcomes = [label.loc[label["value"].notna(), "known_at"].max() for label in data.labels.values()]
    stamps, closes = data.rows["timestamp"], predictions["closed_at"]
    first = judgement.promises[0]
    card = {
        **facts,
        "trained_date": datetime.now(UTC).isoformat(timespec="seconds"),
        "training_samples": int(labelled.sum()),
        "test_accuracy": judgement.test_accuracy,
        "no_trade": judgement.no_trade,
        "weights_hash": weights,
        "window": {
            "first": stamps.min().date().isoformat(),
            "last": stamps.max().date().isoformat(),
            "known_until": max(stamps.max().normalize() + pd.Timedelta(days=1), *outcomes).isoformat(),
        },
        "evaluation": {
            "scheme": _SCHEME,
            "folds": int(predictions["fold"].nunique()),
            "first": predictions["timestamp"].min().date().isoformat(),
            "last": predictions["timestamp"].max().date().isoformat(),
            "rows": len(predictions),
            "labels": int(predictions["label"].nunique()),
            "days": int(closes.dt.floor("D").nunique()),
        },
        "groups": judgement.groups,
        "main_metric": judgement.main_metric,
        "promises": judgement.promises,
        "verdict": first["verdict"],
        "verdict_reason": f"{first['text']}: {first['reason']}",
    }
    wrong = [promise["verdict"] for promise in judgement.promises if promise["verdict"] not in VERDICTS]
    broken = [
        f"{group['name']}/{line['name']}/{name}"
        for group in judgement.groups
        for line in group["comparison"]
        for name, value in line["metrics"].items()
        if not math.isfinite(value)
    ]
    if wrong or broken:
        raise ModelError(
            f"card of {facts['model_name']}: figures that are not finite {broken}, unknown verdicts {wrong}; nothing was registered"
        )
    return card


def known_until(card: Mapping[str, Any]) -> pd.Timestamp:
    """Latest moment at which an outcome can have been known and yet be in the training data (UTC)."""
    return pd.Timestamp(card["window"]["known_until"])


def _code_hash(entry: Entry) -> str:
    """SHA-256 over the sources that can change this model's result: what all models share, and its own question's modules."""
    question = entry.model_id.split("_")[0].rstrip("0123456789")
    shared = [path for path in _CODE.rglob("*.py") if path.relative_to(_CODE).parts[0] not in _NOT_TRAINING]
    own = (_CODE / "models").glob(f"{question}*.py")
    digest = hashlib.sha256()
    for path in sorted([*shared, *own]):
        digest.update(path.relative_to(_CODE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
