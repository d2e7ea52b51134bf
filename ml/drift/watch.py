"""Look at one champion: its inputs since training, and its statements whose outcomes are known by now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.errors import LakeError, ModelError
from include.lake import Lake
from include.predictions import read_predictions
from ml.dataset import Dataset
from ml.drift.inputs import InputDrift, input_drift
from ml.drift.outcomes import OutcomeDrift, outcome_drift
from ml.drift.windows import Verdict, worst
from ml.gate import read_walk_forward
from ml.prediction import particulars_of, prepare
from ml.promotion import serving
from ml.registry import Registered
from ml.stored_dataset import read_dataset
from ml.validation.losses import MODEL


@dataclass(frozen=True)
class Watched:
    """One champion; ``problem`` says why it cannot be looked at. ``inputs`` is None where no row is newer than training."""

    model_id: str
    version: str | None = None
    trained_until: str | None = None
    inputs: InputDrift | None = None
    outcomes: tuple[OutcomeDrift, ...] = ()
    problem: str | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst of all figures."""
        ranks = [rank for outcome in self.outcomes for rank in outcome.figures.values()]
        return worst([rank.verdict for rank in (*ranks, *([self.inputs.mean] if self.inputs else []))])

    @property
    def drifted(self) -> list[str]:
        """What drifted, in words."""
        found = [
            f"{outcome.label}: {name} {rank.figure:.3g}, usually {rank.usual:.3g}"
            for outcome in self.outcomes
            for name, rank in outcome.figures.items()
            if rank.verdict is Verdict.DRIFTED
        ]
        if self.inputs and self.inputs.mean.verdict is Verdict.DRIFTED:
            names = [name for name, rank in self.inputs.features.items() if rank.verdict is Verdict.DRIFTED][:5]
            found.append(f"features: mean shift {self.inputs.mean.figure:.3g}, usually {self.inputs.mean.usual:.3g} ({', '.join(names)})")
        return found


def watch(lake: Lake, model_id: str) -> Watched | None:
    """Look at the champion of a model; None where it has none."""
    try:
        now = serving(model_id)
        return None if now is None else _watch(lake, now.version)
    except (ModelError, LakeError) as error:
        return Watched(model_id, problem=str(error))


def _watch(lake: Lake, version: Registered) -> Watched:
    data = prepare(lake, version)
    until = pd.Timestamp(version.card["window"]["last"], tz="UTC") + pd.Timedelta(days=1)
    training = read_dataset(version)
    later = data.rows[data.rows["timestamp"] >= until]
    said = _matured(read_predictions(lake, version.model_id), data)
    outcomes = outcome_drift(said, read_walk_forward(version), version.card["main_metric"]["name"]) if len(said) else []
    inputs = input_drift(training.rows, later, training.features)
    return Watched(version.model_id, version.version, version.card["window"]["last"], inputs, tuple(outcomes))


def _matured(said: pd.DataFrame, data: Dataset) -> pd.DataFrame:
    """Statements out of sample with the outcomes that are known by now, one column a class as in a walk-forward."""
    rows = data.rows[["symbol", "timestamp"]].assign(particulars=particulars_of(data))
    known = [rows.assign(label=name, actual=label["value"])[label["value"].notna()] for name, label in data.labels.items()]
    open_ones = said[said["is_oos"] & said["refused"].isna() & said["value"].notna()].rename(columns={"value": MODEL})
    keys = ["symbol", "timestamp", "label"]
    if open_ones.empty:
        return open_ones.assign(actual=np.nan)
    outcomes = pd.concat(known, ignore_index=True)
    for frame in (open_ones, outcomes):
        frame["particulars"] = frame["particulars"].fillna("")
    merged: pd.DataFrame = open_ones.merge(outcomes, on=[*keys, "particulars"], validate="one_to_one")
    return merged
