"""Say a published prediction again, from what it carries, and compare: ``make replay MODEL=... SYMBOL=... AT=...``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import Any

import pandas as pd

from include.errors import ConfigurationError, MarketmillError, ModelError
from include.lake import Lake
from include.months import month_of
from include.predictions import read_predictions
from include.schemas import PREDICTIONS
from include.settings import open_lake
from ml import registry
from ml.catalog import find_entry
from ml.prediction import state_again

_KEY = ["symbol", "timestamp", "label", "particulars"]


@dataclass(frozen=True)
class Replayed:
    """One row as published and as said again; ``differences`` names the columns that are not equal, to the last bit."""

    row: dict[str, Any]
    differences: dict[str, tuple[Any, Any]]


def replay(lake: Lake, model_id: str, symbol: str, at: pd.Timestamp) -> list[Replayed]:
    """Say again each statement of a model on the bar of ``symbol`` that begins ``at`` (UTC).

    Raises
    ------
    ModelError
        If nothing was published of it, or the version that said it is gone or refused.
    """
    month = month_of(at.to_pydatetime())
    published = read_predictions(lake, model_id, [month])
    published = published[(published["symbol"] == symbol) & (published["timestamp"] == at)]
    if published.empty:
        raise ModelError(f"{model_id} published nothing of {symbol} at {at:%Y-%m-%d %H:%M} UTC; run the DAG predict for {month}")
    replayed = []
    for version, rows in published.groupby("model_version", sort=False):
        lines = dict(zip(rows["label"], rows["line"], strict=True))
        again = state_again(lake, registry.get(model_id, str(version)), lines, month)
        found = {_key(row): row for row in _records(again[again["symbol"] == symbol])}
        replayed += [_compare(row, found.get(_key(row))) for row in _records(rows)]
    return replayed


def main(arguments: list[str]) -> int:
    """Replay and print; the exit code is 0 where all is equal."""
    parser = argparse.ArgumentParser(prog="python -m ml.replay", description="Say published predictions again and compare.")
    parser.add_argument("model_id")
    parser.add_argument("symbol")
    parser.add_argument("at", help="the bar's timestamp in UTC, as 2018-06-15 or 2018-06-15T14:30")
    asked = parser.parse_args(arguments)
    try:
        replayed = replay(open_lake(), find_entry(asked.model_id).model_id, asked.symbol, _moment(asked.at))
    except MarketmillError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for one in replayed:
        said = one.row["refused"] or one.row["outcome"] or one.row["value"]
        about = f"{one.row['label']} {one.row['particulars'] or ''}".rstrip()
        verdict = "equal" if not one.differences else "NOT EQUAL"
        sys.stdout.write(f"{verdict}: {about}: {said} (version {one.row['model_version']}, {one.row['line']})\n")
        for name, (before, now) in one.differences.items():
            sys.stdout.write(f"  {name}: published {before}, now {now}\n")
    return 0 if all(not one.differences for one in replayed) else 1


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    plain = rows.astype(object).where(rows.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _KEY)


def _compare(row: dict[str, Any], now: dict[str, Any] | None) -> Replayed:
    if now is None:
        return Replayed(row, {"row": ("there", "not in the lake's data any more")})
    return Replayed(row, {name: (row[name], now[name]) for name in PREDICTIONS.names if row[name] != now[name]})


def _moment(text: str) -> pd.Timestamp:
    try:
        moment = pd.Timestamp(text)
    except ValueError:
        raise ConfigurationError(f"AT {text!r} is no date or time, such as 2018-06-15") from None
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
