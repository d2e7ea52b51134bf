"""The forecast of one target from its peers as files: coefficients, predictions, two charts and a page that shows them."""

from __future__ import annotations

import base64
import io
import json
import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from include.errors import ConfigurationError
from include.lake import Lake
from include.symbols import parse_symbol, symbol_in_path
from include.universes import Universe, load_universe, pick_instruments
from ml import registry
from ml.dataset import Dataset, Source
from ml.methods.linear import LinearFit
from ml.models.industry_judge import NEXT
from ml.models.industry_linear import FittedIndustry, IndustryLinear
from ml.report.page import write_page
from ml.report.runs import report_path
from ml.training import Trained, train_on

FOLDER = "industry_forecast"
_LOG = logging.getLogger(__name__)
_CONFIDENCE = 1.96
_MODEL_ID = "industry_linear"


@dataclass(frozen=True)
class Question:
    """Which target, from which peers, over how many sessions, on which bars; ``start`` and ``end`` bound bar openings, in UTC."""

    target: str
    peers: tuple[str, ...]
    horizon: int
    universe: str
    source: str
    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what is no question.

        Raises
        ------
        ConfigurationError
            If a symbol is none, there is no peer, the target is its own peer, or the horizon is not 1 to 250 sessions.
        """
        for symbol in (self.target, *self.peers):
            parse_symbol(symbol)
        if not self.peers:
            raise ConfigurationError(f"{self.target} has no peers; name at least one")
        if self.target in self.peers:
            raise ConfigurationError(f"the target {self.target} is among its own peers; take it out")
        if not 1 <= self.horizon <= 250:
            raise ConfigurationError(f"horizon {self.horizon} is not 1 to 250 sessions")


def forecast_industry(lake: Lake, question: Question, *, run: str, seed: int) -> dict[str, str]:
    """Train, register and publish the forecast of one target.

    Returns
    -------
    dict
        ``report`` (path of the page below the lake's root) and ``model`` with ``version`` in the registry.

    Raises
    ------
    ModelError
        If there is too little data, or the forecast is too good to be honest.
    """
    path = PurePosixPath(report_path(run))
    known = load_universe(question.universe)
    instruments = tuple(pick_instruments(known, [question.target, *question.peers]))
    universe = Universe(name=known.name, description=known.description, instruments=instruments)
    model = IndustryLinear({question.target: tuple(dict.fromkeys(question.peers))}, question.horizon)
    source = Source(lake, universe, "1d", question.start, question.end)
    name = f"{_MODEL_ID}-{symbol_in_path(question.target)}"
    trained = train_on(source, model, _MODEL_ID, seed=seed, name=name)
    files = forecast_files(question, trained, model.prepare(source))
    for file, content in files.items():
        lake.write(str(path.parent / FOLDER / file), content)
    registry.attach(trained.run_id, {f"{FOLDER}/{file}": content for file, content in files.items()})
    shown: dict[str, Any] = {
        "question": question,
        "card": trained.card,
        "name": name,
        "version": trained.version,
        "pictures": [base64.b64encode(data).decode() for file, data in files.items() if file.endswith(".png")],
        "files": {file: f"{FOLDER}/{quote(file)}" for file in files},
    }
    write_page(lake, str(path), shown, "industry.html")
    _LOG.info("report: %s/%s", lake.url, path)
    return {"report": str(path), "model": name, "version": trained.version}


def forecast_files(question: Question, trained: Trained, data: Dataset) -> dict[str, bytes]:
    """Make ``<TARGET>_linear_model.json``, ``_predictions.csv``, ``_predicted_vs_actual.png`` and ``_peer_coefficients.png``."""
    registered = registry.find(trained.model_id, trained.card["identity"])
    if registered is None:
        raise ConfigurationError(f"model {trained.model_id} version {trained.version} has gone from the registry; run it again")
    fitted = registered.load()
    if not isinstance(fitted, FittedIndustry):
        raise ConfigurationError(f"model {trained.model_id} version {trained.version} is no industry forecast")
    fit = fitted.fits[question.target][NEXT]
    forward = pd.read_parquet(io.BytesIO(registered.read(registry.WALK_FORWARD)))
    predictions = _predictions(data, fitted, forward[forward["label"] == NEXT])
    stem = symbol_in_path(question.target)
    return {
        f"{stem}_linear_model.json": _json(question, trained, fit),
        f"{stem}_predictions.csv": predictions.to_csv(index=False, lineterminator="\n", float_format="%.8g").encode(),
        f"{stem}_predicted_vs_actual.png": _png(_predicted_vs_actual(question, predictions)),
        f"{stem}_peer_coefficients.png": _png(_peer_coefficients(question, fit)),
    }


def _predictions(data: Dataset, fitted: FittedIndustry, forward: pd.DataFrame) -> pd.DataFrame:
    """One row a session: ``date``, ``known_at``, ``actual``, ``predicted``, ``is_oos``.

    Out of sample are the rows of the walk-forward, each stated by a model fitted on what was known before, and the last rows,
    whose outcome nobody knows yet; all others are fitted values.
    """
    label = data.labels[NEXT]
    rows = pd.DataFrame(
        {
            "date": data.rows["timestamp"].dt.strftime("%Y-%m-%d"),
            "known_at": label["known_at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "actual": label["value"],
            "predicted": fitted.predict(data)[NEXT]["model"],
            "is_oos": label["value"].isna(),
        }
    )
    stated = forward.set_index("timestamp")["model"].reindex(data.rows["timestamp"]).to_numpy()
    tested = np.isfinite(stated)
    rows.loc[tested, "predicted"] = stated[tested]
    rows.loc[tested, "is_oos"] = True
    return rows


def _json(question: Question, trained: Trained, fit: LinearFit) -> bytes:
    card = trained.card
    columns = zip(fit.columns, fit.coefficients, fit.least_squares, fit.hac_errors, strict=True)
    content: dict[str, Any] = {
        "target": question.target,
        "peers": list(question.peers),
        "horizon": question.horizon,
        "label": f"log return over the next {question.horizon} sessions, fraction",
        "intercept": fit.intercept,
        "coefficients": [
            {
                "symbol": column.rpartition(" ")[0],
                "window": int(column.rpartition("_")[2]),
                "coefficient": coefficient,
                "least_squares": plain,
                "hac_error": error,
                "hac_t": plain / error if error > 0 else None,
            }
            for column, coefficient, plain, error in columns
        ],
        "training_rows": fit.rows,
        "in_sample_r2": fit.r2,
        "model": trained.model_id,
        "version": trained.version,
        "source": question.source,
        **{name: card[name] for name in ("universe", "window", "data_hash", "feature_set", "seed", "params", "libraries", "trained_date")},
        **{name: card[name] for name in ("evaluation", "groups", "promises", "verdict", "verdict_reason")},
    }
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _predicted_vs_actual(question: Question, predictions: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.6))
    held = predictions[predictions["actual"].notna()]
    for is_oos, colour, name in ((False, "#b8bec8", "fitted (in sample)"), (True, "#1f5fbf", "out of sample")):
        part = held[held["is_oos"] == is_oos]
        left.scatter(part["predicted"] * 100, part["actual"] * 100, s=5, alpha=0.5, color=colour, label=name, linewidths=0)
    left.axhline(0, color="#888", linewidth=0.6)
    left.axline((0, 0), slope=1, color="#c0392b", linewidth=0.9, linestyle="--", label="perfect")
    left.set(xlabel="predicted, %", ylabel="actual, %", title="Each session")
    left.legend(fontsize=7, frameon=False, loc="upper left", markerscale=3)
    dates = pd.to_datetime(held["date"])
    right.plot(dates, held["actual"] * 100, color="#c4c9d2", linewidth=0.7, label="actual")
    for is_oos, colour, name in ((False, "#7f8794", "fitted (in sample)"), (True, "#1f5fbf", "out of sample")):
        shown = held["predicted"].where(held["is_oos"] == is_oos) * 100
        right.plot(dates, shown, color=colour, linewidth=1.0, label=name)
    right.set(ylabel=f"log return over {question.horizon} sessions, %", title="Over time")
    right.legend(fontsize=7, frameon=False, loc="upper left", ncols=3)
    figure.suptitle(f"{question.target} from {', '.join(question.peers)}", fontsize=11)
    return figure


def _peer_coefficients(question: Question, fit: LinearFit) -> Figure:
    figure = Figure(figsize=(7.5, 1.4 + 0.32 * len(fit.columns)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(fit.columns))[::-1]
    spread = _CONFIDENCE * np.array(fit.hac_errors)
    axes.errorbar(
        fit.least_squares, places, xerr=spread, fmt="o", markersize=4, color="#1f5fbf", capsize=3, label="least squares, 95 % (HAC)"
    )
    axes.plot(fit.coefficients, places, "D", markersize=4, markerfacecolor="none", color="#c0392b", label="shrunk: what forecasts")
    axes.axvline(0, color="#888", linewidth=0.8)
    axes.set_yticks(places, [_words(column) for column in fit.columns])
    axes.set(
        xlabel=f"log return of {question.target} over the next {question.horizon} sessions, for each unit of return",
        title="An interval across zero shows nothing",
    )
    axes.legend(fontsize=7, frameon=False)
    return figure


def _words(column: str) -> str:
    symbol, _, window = column.partition(" return_")
    return f"{symbol}, last {window} sessions" if window != "1" else f"{symbol}, last session"


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()
