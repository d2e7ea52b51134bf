"""Train one model of the catalogue: dataset, walk-forward, verdict, final fit on all data, registration."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from include.errors import InsufficientDataError, ModelError
from include.feature_sets import read_current
from include.lake import Lake, parquet_bytes
from include.months import as_utc
from include.settings import settings
from ml import registry
from ml.canaries import check_canaries
from ml.card import describe, describe_runs, evaluated
from ml.catalog import FEATURES, find_entry, make_model
from ml.continuing import Continued, compare_old_and_new, find_former
from ml.dataset import Source
from ml.leak_checks import certify
from ml.methods.keras_files import array_bytes
from ml.protocol import IMPORTANCE_FILE, Model
from ml.registry import DATASET, WALK_FORWARD
from ml.report.card_page import CARD_PAGE, card_page
from ml.sources import open_source
from ml.stages import Stages
from ml.stored_dataset import dataset_bytes
from ml.trained_versions import note_shortage, note_version
from ml.validation.dated import dated_split, share_split
from ml.validation.walk_forward import walk_forward

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """The version that holds the model; ``reused`` when it was there already."""

    model_id: str
    version: str
    run_id: str
    reused: bool
    card: dict[str, Any]


def train(  # noqa: PLR0913 - a field of the form each
    lake: Lake,
    model_id: str,
    *,
    universe: str,
    timeframe: str = "1d",
    start: date | datetime | None = None,
    end: date | datetime | None = None,
    seed: int,
    force: bool = False,
    continue_boosting: bool = False,
    trades_run: str | None = None,
) -> Trained:
    """Train a model and register it as challenger, or return the version that the same inputs gave before.

    Parameters
    ----------
    universe
        Name of the universe whose symbols take part.
    start, end
        Half-open UTC interval of bar openings; None leaves a side open.
    force
        Train even where the same data, feature set, code, libraries, parameters and seed were trained before.
    continue_boosting
        Go on from the trees of the version that serves on what became known since, instead of learning all anew: see
        :mod:`ml.continuing`.
    trades_run
        The only run of trades to learn from, whatever its costs; None: all at the costs in force.

    Raises
    ------
    ConfigurationError
        If the model or universe is unknown.
    UnsuitableError
        If the model has nothing to learn from in that universe or timeframe, or nothing to go on from.
    LakeError
        If no features were built.
    InsufficientDataError
        If there is too little data to train or to judge the model; the lake notes it for the report.
    ModelError
        If a figure is too good to be honest, a canary is dead, or something looks ahead.
    """
    source = open_source(lake, model_id, universe, timeframe, _utc(start), _utc(end), trades_run=trades_run)
    try:
        trained = train_on(source, make_model(model_id), model_id, seed=seed, force=force, continue_boosting=continue_boosting)
    except InsufficientDataError as error:
        note_shortage(lake, universe, timeframe, model_id, str(error))
        raise
    note_version(lake, universe, timeframe, model_id, trained.version)
    return trained


def train_on(
    source: Source,
    model: Model,
    model_id: str,
    *,
    seed: int,
    force: bool = False,
    continue_boosting: bool = False,
    name: str | None = None,
    further: Callable[[pd.DataFrame], dict[str, Any]] | None = None,
) -> Trained:
    """Train a model that may have settings of its own, and register it; see :func:`train`.

    Parameters
    ----------
    name
        To register it under; None: ``model_id``.
    further
        Makes more of the card out of the walk-forward.
    """
    entry, name = find_entry(model_id), name or model_id
    feature_set, stages = read_current(source.lake, source.timeframe), Stages()
    with stages.stage("dataset"):
        data = model.prepare(source)
    # Trades, backtests and bars of minutes seldom reach over the dated split.
    dated = entry.learns_from == FEATURES and source.timeframe == "1d"
    split = settings().dated_split if dated else share_split(data)
    params, former = model.params(), None
    if continue_boosting:
        former = find_former(name, model, data, source, feature_set.id)
        params = params | {"continued_from": {"version": former.version, "weights_hash": former.weights_hash}}
    facts = describe(entry, source, feature_set, data, params, seed, split)
    for what, reason in data.left_out.items():
        _LOG.info("%s: %s took no part: %s", name, what, reason)
    if told := describe_runs(data.learnt_from):
        _LOG.info("%s: %s", name, told)
    if not force and (found := _reusable(name, facts["identity"])):
        _LOG.info("%s: version %s was trained on exactly this, nothing to do", name, found.version)
        return Trained(name, found.version, found.run_id, reused=True, card=found.card)

    _LOG.info("%s: %d rows of %s", name, len(data.rows), ", ".join(data.symbols))
    with stages.stage("walk-forward"):
        predictions = walk_forward(Continued(former.model) if former else model, data, seed=seed)
        judgement = model.judge(predictions)
    with stages.stage("canaries"):
        canaries = check_canaries(model_id, model, data, seed=seed)
    with stages.stage("fit"):
        made = former.go_on(data, seed=seed) if former else model.fit(data, seed=seed)
        files = made.files()
    with stages.stage("leak checks"):
        checks = certify(model_id, model, source, data, made)
    card = evaluated(facts, data, predictions, judgement, _weights_hash(files)) | {"canaries": canaries, "leak_checks": checks}
    card["importance"] = json.loads(files.get(IMPORTANCE_FILE, b"{}"))
    with stages.stage("dated split"):
        card["dated_split"] = dated_split(model, data, split, judgement.main_metric, seed=seed)
    if former:
        with stages.stage("old and new rows"):
            lines = {"continued": made, "full refit": model.fit(data, seed=seed)}
            card["continued"] = compare_old_and_new(former, lines, data, str(judgement.main_metric["name"]))
    card["seconds"] = stages.seconds
    card |= further(predictions) if further else {}
    artifacts = {
        WALK_FORWARD: parquet_bytes(pa.Table.from_pandas(predictions, preserve_index=False).replace_schema_metadata(None)),
        DATASET: dataset_bytes(data),
    }
    with registry.exclusive():
        if not force and (found := _reusable(name, facts["identity"])):
            _LOG.info("%s: version %s was trained on exactly this meanwhile; this training adds nothing to it", name, found.version)
            return Trained(name, found.version, found.run_id, reused=True, card=found.card)
        registered = registry.register(card, files, artifacts, name=name)
    registry.attach(registered.run_id, {CARD_PAGE: card_page(registered, predictions)})
    _LOG.info("%s: version %s, %s (%s), in %s", name, registered.version, card["verdict"], card["verdict_reason"], stages)
    return Trained(name, registered.version, registered.run_id, reused=False, card=registered.card)


def _utc(moment: date | datetime | None) -> datetime | None:
    return None if moment is None else as_utc(moment)


def _reusable(name: str, identity: str) -> registry.Registered | None:
    try:
        return registry.find(name, identity)
    except ModelError as error:
        _LOG.warning("%s; it is trained anew", error)
        return None


def _weights_hash(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        # Of a network its arrays count: the file around them is a zip archive, which another library version may pack otherwise.
        data = array_bytes(content) if name.endswith(".keras") else content
        digest.update(f"{name}/{len(data)};".encode() + data)
    return digest.hexdigest()
