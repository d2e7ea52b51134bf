"""Mirror bars and models to MongoDB documents. The lake and the registry stay the truth: the mirror is read by nobody here.

A month of bars is mirrored when the hash of what it holds is not the one that was noted with its last mirroring, so the mirror
catches up by itself with whatever it missed, and doing it twice writes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pymongo import ReplaceOne

from include.lake import Lake
from include.publish import dataset_content, list_months, read_month
from ml import registry
from ml.catalog import CATALOG

if TYPE_CHECKING:
    from pymongo.database import Database

BARS, MONTHS, MODELS = "market_data", "market_data_months", "ml_models"
_MOST = 5000
#: Parts of a card that are tables, not facts: they stay with the model in the registry.
_NOT_MIRRORED = ("groups", "importance", "canaries", "dated_split")


def mirror_bars(lake: Lake, database: Database[dict[str, Any]], timeframe: str) -> list[str]:
    """Bring the collection ``market_data`` up to date with the published bars; returns the months that were written.

    One document a bar: ``_id`` is ``timeframe|symbol|timestamp``, the other fields are the columns of the bars, with ``month``.
    """
    dataset = lake.bars(timeframe)
    content = dataset_content(lake, dataset, list_months(lake, dataset))
    known = {str(state["_id"]): state.get("content") for state in database[MONTHS].find({"timeframe": timeframe})}
    changed = [month for month, digest in content.items() if known.get(f"{timeframe}|{month}") != digest]
    for month in changed:
        table = read_month(lake, dataset, month)
        documents = [] if table is None else list(_documents(table, timeframe, month))
        database[BARS].create_index([("symbol", 1), ("timeframe", 1), ("timestamp", 1)])
        for first in range(0, len(documents), _MOST):
            part = [ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in documents[first : first + _MOST]]
            database[BARS].bulk_write(part, ordered=False)
        gone = {"timeframe": timeframe, "month": month, "_id": {"$nin": [one["_id"] for one in documents]}}
        database[BARS].delete_many(gone)
        state = {
            "timeframe": timeframe,
            "month": month,
            "content": content[month],
            "bars": len(documents),
            "mirrored_at": datetime.now(UTC),
        }
        database[MONTHS].replace_one({"_id": f"{timeframe}|{month}"}, state, upsert=True)
    return changed


def mirror_models(database: Database[dict[str, Any]]) -> list[str]:
    """Bring the collection ``ml_models`` up to date with champions and challengers; returns the ``_id`` of each, ``model|version``.

    ``stage`` is ``champion``, ``challenger`` or, of versions mirrored earlier, ``former``.
    """
    held = []
    for model_id in CATALOG:
        for alias in (registry.CHALLENGER, registry.CHAMPION):
            version = registry.holder(model_id, alias)
            if version is None:
                continue
            found = registry.get(model_id, version)
            facts = {name: value for name, value in found.card.items() if name not in _NOT_MIRRORED}
            document = {**facts, "_id": f"{model_id}|{version}", "stage": alias, "sha256": _by_name(found.sha256)}
            database[MODELS].replace_one({"_id": document["_id"]}, document, upsert=True)
            held.append(str(document["_id"]))
    database[MODELS].update_many({"_id": {"$nin": held}}, {"$set": {"stage": "former"}})
    return list(dict.fromkeys(held))


def _documents(table: pa.Table, timeframe: str, month: str) -> Iterator[dict[str, Any]]:
    for row in table.to_pylist():
        plain = {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
        yield {**plain, "_id": f"{timeframe}|{row['symbol']}|{row['timestamp'].isoformat()}", "timeframe": timeframe, "month": month}


def _by_name(hashes: Mapping[str, str]) -> list[dict[str, str]]:
    """Hashes as a list: names of files hold dots, which the names of fields should not."""
    return [{"file": name, "sha256": digest} for name, digest in sorted(hashes.items())]
