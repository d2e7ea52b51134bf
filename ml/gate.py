"""The gate: which version may serve, decided on walk-forward evidence; see docs/adr/0004.

Challenger and champion are compared on the rows that both walked over, by what they would have served there. A difference counts
where its 95 % interval, of daily means in blocks of 20 days (a sixth of the days where there are fewer than 120), excludes 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from include.calendars import decision_delay
from include.costs import costs_of
from include.errors import ModelError
from include.timeframes import timeframe_length
from ml.catalog import FEWEST_DAYS_OF_SHORT_BARS, find_entry
from ml.registry import WALK_FORWARD, Registered
from ml.validation.losses import MODEL, row_losses, stated_lines
from ml.validation.significance import Interval, block_bootstrap, by_day

_RMSE = "rmse"
#: What is averaged by day to compare two versions, in the words of a sentence.
_MEASURES = {_RMSE: "squared error", "mae": "absolute error", "pinball_95": "quantile loss", "log_loss": "log-loss", "brier": "Brier"}


class Outcome(StrEnum):
    """What the gate says of a challenger."""

    PROMOTE = "promote"
    KEEP = "keep"
    """As good as the champion, and nothing newer in it: the champion stays."""
    REFUSE = "refuse"


class Gain(NamedTuple):
    """The loss saved a day, with its 95 % interval, and ``other``: the mean loss a day of what it is compared with."""

    mean: float
    low: float
    high: float
    other: float

    def share(self, metric: str) -> Interval | None:
        """What is saved as a fraction of :func:`readable` of the other; None where the other loses nothing.

        Where squared errors are averaged, people read their root: saving a fraction s of the square saves 1 - sqrt(1 - s) of that.
        """
        if not self.other > 0:
            return None
        saved = [value / self.other for value in self[:3]]
        return Interval(*(1 - math.sqrt(max(1 - value, 0.0)) if metric == _RMSE else value for value in saved))


def readable(metric: str) -> str:
    """What people read of a metric's loss, in the words of a sentence."""
    return "RMSE" if metric == _RMSE else _MEASURES.get(metric, metric.replace("_", " "))


@dataclass(frozen=True)
class Evidence:
    """One label.

    ``line`` is what the challenger serves: the model, or the baseline it does not beat. ``edge`` is how much lower the model's loss
    is than the baseline's, ``gain`` how much lower the served loss is than the champion's (None: nothing to compare with); ``rows``
    and ``days`` count what that was found on. ``strongest`` is the line beside the model with the lowest loss, ``beyond`` how much lower
    the model's loss is than that.
    """

    label: str
    metric: str
    rows: int
    days: int
    baseline: str
    line: str
    edge: Gain
    strongest: str
    beyond: Gain
    champion_line: str | None = None
    gain: Gain | None = None


@dataclass(frozen=True)
class Decision:
    """What the gate says of a version, in place of the ``champion``."""

    model_id: str
    version: str
    champion: str | None
    outcome: Outcome
    reason: str
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def serves(self) -> dict[str, str]:
        """By label the line to serve: ``model``, or the name of a baseline."""
        return {one.label: one.line for one in self.evidence}


def decide(challenger: Registered, champion: Registered | None, champion_serves: Mapping[str, str], *, first: bool = True) -> Decision:
    """Judge a challenger.

    Parameters
    ----------
    champion_serves
        By label the line that the champion serves; its model where a label is not named.
    first
        Whether the model never had a champion; else the last one was demoted, or is refused.

    Raises
    ------
    ModelError
        If the stored evidence of either cannot be read or compared.
    """
    if what_if := _what_if(challenger.card):
        return _decision(challenger, champion, Outcome.REFUSE, what_if, {})
    rows = read_walk_forward(challenger)
    metric = _metric(challenger)
    evidence = {str(label): _alone(str(label), _of(rows, label), metric) for label in rows["label"].unique()}
    forecasts = [label for label in evidence if is_forecast(_of(rows, label), str(challenger.card["timeframe"]))] or list(evidence)
    if champion is None:
        edges = [label for label in forecasts if evidence[label].line == MODEL]
        measure = metric.replace("_", " ")
        found = f"by {measure} it beats {_lines(evidence, edges)}"
        nothing = f"no edge found: by {measure} it does not beat {_lines(evidence, forecasts)}, which is served"
        kept = _not_kept(challenger) + _unbeaten([evidence[label] for label in edges]) if edges else ""
        reason = f"{'the first champion' if first else 'no champion serves'}; {found if edges else nothing}{kept}"
        return _decision(challenger, None, Outcome.PROMOTE, reason, evidence)
    if champion.version == challenger.version:
        return _decision(challenger, champion, Outcome.KEEP, "it is the champion already", evidence)
    if _metric(champion) != metric:
        raise ModelError(
            f"{challenger.model_id}: version {challenger.version} is judged by {metric}, champion {champion.version} by "
            f"{_metric(champion)}; they cannot be compared; demote the champion first"
        )
    other = read_walk_forward(champion)
    evidence = {
        label: _against(one, _of(rows, label), _of(other, label), champion_serves.get(label, MODEL), _fewest_days(challenger))
        for label, one in evidence.items()
    }
    outcome, reason = _compare([evidence[label] for label in forecasts], challenger, champion)
    return _decision(challenger, champion, outcome, reason, evidence)


def _what_if(card: Mapping[str, Any]) -> str | None:
    """Why a version serves nobody that learnt from the trades of a run that a form named, at other costs than those in force."""
    if not card.get("trades_run") or card["costs"] == costs_of(str(card["universe"])).model_dump():
        return None
    return (
        f"it learnt from run {card['trades_run']} alone, which a form named and whose costs are not those in force: an answer to what if, "
        "which serves nobody; train it without trades_run"
    )


def _lines(evidence: Mapping[str, Evidence], labels: Sequence[str]) -> str:
    """The simplest line of some labels; that a model beats it need not be what its card promises."""
    lines = dict.fromkeys(evidence[label].baseline for label in labels)
    return "; ".join(f"{line!r} in {', '.join(label for label in labels if evidence[label].baseline == line)}" for line in lines)


def _not_kept(found: Registered) -> str:
    """What the card promised beyond the simplest line, in its own measure, and did not keep: the gate does not ask for it."""
    broken = [f"{promise['text']} ({promise['reason']})" for promise in found.card["promises"] if promise["verdict"] == "not met"]
    if not broken:
        return ""
    return f", the simplest line, which is all that the gate asks of a first champion; promised and not met: {'; '.join(broken)}"


def _unbeaten(evidence: Sequence[Evidence]) -> str:
    """Name the strongest lines, where a model serves that does not beat them: the gate asks it to beat the simplest one."""
    told = [
        f"{one.strongest!r} in {one.label} ({_saved(one.metric, one.beyond)})"
        for one in evidence
        if one.line == MODEL and one.beyond.low <= 0
    ]
    return f"; it does not beat the strongest line, {', '.join(told)}" if told else ""


def _told(one: Evidence, gain: Gain) -> str:
    """Say what was found of a label, beside the champion."""
    rows = f"on {one.rows} rows of {one.days} days that both stated"
    if one.line == one.champion_line != MODEL:
        return f"{one.label} (both serve {one.line!r}, {rows})"
    return f"{one.label} ({_saved(one.metric, gain)}, {rows})"


def _saved(metric: str, gain: Gain) -> str:
    measure = _MEASURES.get(metric, metric.replace("_", " "))
    told = f"{measure} saved a day {gain.mean:+.3g}, 95 % interval {gain.low:+.3g} to {gain.high:+.3g}"
    share = gain.share(metric)
    return f"{told}: {share.mean:+.1%} ({share.low:+.1%} to {share.high:+.1%}) of the {readable(metric)}" if share else told


def read_walk_forward(found: Registered) -> pd.DataFrame:
    """Stored walk-forward of a version.

    Raises
    ------
    ModelError
        If it is missing, was changed or is not readable.
    """
    try:
        frame: pd.DataFrame = pq.read_table(pa.BufferReader(found.read(WALK_FORWARD))).to_pandas(ignore_metadata=True)
    except pa.ArrowException as error:
        raise ModelError(f"{found.model_id} version {found.version}: {WALK_FORWARD} is not readable ({error}); train it again") from error
    return frame


def is_forecast(rows: pd.DataFrame, timeframe: str) -> bool:
    """Whether the outcome was still open when the statement could be made: a label that is known by then proves nothing."""
    return bool((rows["known_at"] > rows["closed_at"] + decision_delay(timeframe)).mean() > 0.5)


def _compare(evidence: list[Evidence], challenger: Registered, champion: Registered) -> tuple[Outcome, str]:
    thin = [f"{one.label} ({one.days} days)" for one in evidence if one.gain is None]
    if thin:
        return Outcome.REFUSE, (
            f"too little in common with version {champion.version} in {', '.join(thin)}, {_fewest_days(challenger)} days are needed; "
            "where that is meant, demote the champion first"
        )
    gains = [(one, one.gain) for one in evidence if one.gain]
    worse = [_told(one, gain) for one, gain in gains if gain.high < 0]
    better = [_told(one, gain) for one, gain in gains if gain.low > 0]
    every = ", ".join(_told(one, gain) for one, gain in gains)
    if worse:
        return Outcome.REFUSE, f"worse than version {champion.version} in {', '.join(worse)}"
    unbeaten = _unbeaten(evidence)
    if better:
        return Outcome.PROMOTE, f"better than version {champion.version} in {', '.join(better)}, and nowhere worse{unbeaten}"
    last, known = challenger.card["window"]["last"], champion.card["window"]["last"]
    if last > known:
        return Outcome.PROMOTE, (
            f"as good as version {champion.version} in {every}, and it knows {last} where that one ends with {known}{unbeaten}"
        )
    return Outcome.KEEP, f"not better than version {champion.version}, which stays, in {every}; nor does it know later days than {known}"


def _fewest_days(found: Registered) -> int:
    """On fewer common days a comparison says nothing."""
    fewest = find_entry(str(found.card["model_name"])).fewest_dates
    short = timeframe_length(str(found.card["timeframe"])) < timedelta(days=1)
    return min(fewest, FEWEST_DAYS_OF_SHORT_BARS) if short else fewest


def _metric(found: Registered) -> str:
    return str(found.card["main_metric"]["name"])


def _of(rows: pd.DataFrame, label: str) -> pd.DataFrame:
    return rows[rows["label"] == label].dropna(axis=1, how="all").reset_index(drop=True)


def _alone(label: str, rows: pd.DataFrame, metric: str) -> Evidence:
    losses = {line: row_losses(rows, line, metric) for line in stated_lines(rows)}
    own = losses.pop(MODEL)
    baseline, strongest = next(iter(losses)), min(losses, key=lambda line: float(losses[line].mean()))  # models state their simplest first
    edge, beyond = (_gain(own, losses[line], rows["closed_at"]) for line in (baseline, strongest))
    served = MODEL if edge.low > 0 else baseline
    return Evidence(label, metric, len(rows), _days(rows["closed_at"]), baseline, served, edge, strongest, beyond)


def _against(one: Evidence, rows: pd.DataFrame, other: pd.DataFrame, champion_line: str, fewest_days: int) -> Evidence:
    """Compare what is served on the rows of both whose outcome is the same; a restated outcome would compare two questions."""
    columns = list(rows.columns)
    keys = [column for column in columns[: columns.index("known_at")] if column != "group"]
    if other.empty or not {*keys, champion_line} <= set(other.columns):
        return replace(one, rows=0, days=0)
    own = rows[[*keys, "actual"]].assign(loss=row_losses(rows, one.line, one.metric))
    theirs = other[[*keys, "actual"]].assign(loss=row_losses(other, champion_line, one.metric))
    both = own.merge(theirs, on=keys, suffixes=("", "_champion"))
    both = both[np.isclose(both["actual"], both["actual_champion"], rtol=1e-6, atol=0)].reset_index(drop=True)
    one, days = replace(one, rows=len(both)), _days(both["closed_at"])
    if days < fewest_days:
        return replace(one, days=days)
    gain = _gain(both["loss"].to_numpy(), both["loss_champion"].to_numpy(), both["closed_at"])
    return replace(one, days=days, champion_line=champion_line, gain=gain)


def _gain(own: np.ndarray, other: np.ndarray, closed_at: pd.Series) -> Gain:
    return Gain(*block_bootstrap(by_day(other - own, closed_at)), other=float(by_day(other, closed_at).mean()))


def _days(closed_at: pd.Series) -> int:
    return int(closed_at.dt.floor("D").nunique())


def _decision(
    challenger: Registered, champion: Registered | None, outcome: Outcome, reason: str, evidence: dict[str, Evidence]
) -> Decision:
    return Decision(
        challenger.model_id, challenger.version, champion.version if champion else None, outcome, reason, list(evidence.values())
    )
