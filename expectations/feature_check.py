"""Check months of features: each against its bars, and some of them against features that never saw a later bar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from expectations.data_docs import FOLDER, write_check
from expectations.feature_facts import BAR_COLUMNS, Beside, differing, known_by, measure
from expectations.features import feature_suite
from expectations.rules import Action, actions
from expectations.suite_run import SuiteRun
from include.errors import LakeError
from include.feature_sets import FeatureSet, read_current
from include.lake import Lake
from include.leak_certificate import LeakCertificate, write_certificate
from include.publish import dataset_content, list_months, read_month
from include.quality import load_quality
from include.universes import known_instruments

#: Computes the features of a month (first argument) for some symbols from the bars that were known at a moment (UTC) only.
Recompute = Callable[[str, Sequence[str], datetime], pa.Table]
#: Months whose features are not those of the present bars.
Outdated = Callable[[], Collection[str]]

_SAMPLE = 3
_SHOWN = 20


@dataclass
class FeatureSummary:
    """What a check of features found.

    ``rules`` counts, by rule, the months of symbols that break it; ``told`` are the first of them, ``months_of`` counts them all by
    rule and symbol. ``changed`` are months whose bars or features another run changed meanwhile: nothing is said of them.
    """

    timeframe: str
    feature_set: str
    months: list[str]
    rules: dict[str, int]
    sampled: list[str] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    months_of: dict[str, dict[str, int]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    docs: str = f"{FOLDER}/index.html"

    def as_dict(self) -> dict[str, Any]:
        """Tell the same as plain strings, numbers, lists and dicts."""
        return asdict(self)


def check_features(
    lake: Lake, timeframe: str, months: Sequence[str], recompute: Recompute, outdated: Outdated, *, universe: str | None = None
) -> FeatureSummary:
    """Check months of the current feature set, one at a time, and write their Data Docs.

    The month in the middle is computed again, for some symbols, from the bars up to its own middle: a value that comes out other
    than published saw a later bar. Where none does, that goes onto the leak certificate. Runs of other months may publish bars and
    features at the same time: what changed meanwhile, or is out of date, is for the run to check that builds it.

    Raises
    ------
    LakeError
        If a rule that fails the run is broken (the message says where), a rule could not be evaluated, or a month is damaged.
    ConfigurationError
        If the file of thresholds is wrong.
    """
    current, run = read_current(lake, timeframe), SuiteRun(feature_suite())
    without_volume = {instrument.symbol for instrument in known_instruments().values() if not instrument.trades_volume}
    null_share = load_quality().of(universe).feature_nulls
    summary = FeatureSummary(timeframe, current.id, sorted(months), dict.fromkeys(run.rules, 0))
    chosen = summary.months[len(summary.months) // 2] if summary.months else None
    dataset, seen = lake.features(timeframe, current.id), Counter[str]()
    before = dataset_content(lake, dataset, summary.months)
    found, cuts = [], [pd.DataFrame({"symbol": "", "month": "", "differing": 0, "differing_in": "", "known_at": pd.NaT}, index=[])]
    for month in list_months(lake, lake.bars(timeframe)):
        wanted = month in summary.months
        bars = read_month(lake, lake.bars(timeframe), month, BAR_COLUMNS if wanted else ["symbol"])
        if bars is not None and wanted:
            features = read_month(lake, dataset, month)
            features = current.schema.empty_table() if features is None else features
            found.append(measure(features, bars, Beside(current, seen, without_volume, null_share)).assign(month=month))
            if month == chosen and features.num_rows:
                cuts.append(_cut(month, features, recompute, current.names))
        if bars is not None:
            seen.update(bars["symbol"].to_pylist())
    stale, after = outdated(), dataset_content(lake, dataset, summary.months)
    summary.changed = [month for month in summary.months if month in stale or before.get(month) != after.get(month)]
    found, cuts = ([rows[~rows["month"].isin(summary.changed)] for rows in frames] for frames in (found, cuts))
    summary.sampled = cuts[-1]["symbol"].to_list() if len(cuts) > 1 else []
    if found:
        _tell(summary, run, pd.concat(found, ignore_index=True).merge(cuts[-1], on=["symbol", "month"], how="left"))
    write_check(lake, f"features-{timeframe}", f"Features {current.id}, {timeframe}", [run], summary.told)
    _fail(lake, summary)
    if summary.sampled:
        _certify(lake, current, cuts[-1], timeframe)
    return summary


def _cut(month: str, features: pa.Table, recompute: Recompute, names: Sequence[str]) -> pd.DataFrame:
    """Compare some symbols' rows up to the middle of the month with those computed from the bars up to there."""
    held = sorted(set(features["symbol"].to_pylist()))
    sample = [held[place] for place in np.unique(np.linspace(0, len(held) - 1, _SAMPLE).round().astype(int))]
    moments = features["closed_at"].combine_chunks().sort()
    moment = moments[len(moments) // 2]
    again = known_by(recompute(month, sample, moment.as_py()), sample, moment)
    found = differing(known_by(features, sample, moment), again, names)
    return found.assign(month=month, known_at=moment.as_py(), compared=again.num_rows)


def _tell(summary: FeatureSummary, run: SuiteRun, found: pd.DataFrame) -> None:
    for position, rules in sorted(run.broken(found).items()):
        row = {str(name): value for name, value in found.iloc[position].items()}
        for rule in rules:
            summary.rules[rule] += 1
            months_of = summary.months_of.setdefault(rule, {})
            months_of[row["symbol"]] = months_of.get(row["symbol"], 0) + 1
            if summary.rules[rule] <= _SHOWN:
                told = {"symbol": row["symbol"], "month": row["month"], "rule": rule, "reason": run.reason([rule], row)}
                summary.told.append(told)


def _certify(lake: Lake, current: FeatureSet, cut: pd.DataFrame, timeframe: str) -> None:
    first = cut.iloc[0]
    month = str(first["month"])
    content = dataset_content(lake, lake.features(timeframe, current.id), [month])[month]
    certificate = LeakCertificate(
        feature_set=current.id,
        features=len(current.names),
        checked_at=datetime.now(UTC).isoformat(timespec="seconds"),
        month=month,
        known_at=first["known_at"].isoformat(),
        symbols=cut["symbol"].to_list(),
        rows=int(first["compared"]),
        content=content,
    )
    write_certificate(lake, timeframe, certificate)


def _fail(lake: Lake, summary: FeatureSummary) -> None:
    fatal = [rule for rule, action in actions(feature_suite()).items() if action is Action.FAIL_RUN and summary.rules[rule]]
    if not fatal:
        return
    first = next(told for told in summary.told if told["rule"] in fatal)
    count = sum(summary.rules[rule] for rule in fatal)
    others = f", and {count - 1} more like it" if count > 1 else ""
    raise LakeError(
        f"the {summary.timeframe} features of {first['symbol']} in {first['month']} break the rule {first['rule']}: "
        f"{first['reason']}{others}; nothing that waits for them is started; see {lake.url}/{summary.docs}"
    )
