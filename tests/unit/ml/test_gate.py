"""The gate's rule on walk-forwards that are made here; the interval itself is tested with significance."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.costs import costs_of
from include.errors import ModelError
from ml.catalog import CATALOG
from ml.gate import Decision, Gain, Outcome, decide
from ml.registry import Registered
from tests.walk_forwards import DAYS, walk

FEWEST_DAYS = CATALOG["volatility_garch"].fewest_dates


@pytest.fixture
def version(tmp_path: Path):
    """Make a version from a walk-forward, as the registry would open it."""
    made = iter(range(1, 100))

    def version(rows: pd.DataFrame, *, last: str = "2018-12-31", metric: str = "rmse", **more: Any) -> Registered:
        number = str(next(made))
        stream = io.BytesIO()
        rows.to_parquet(stream, index=False)
        folder = tmp_path / number
        folder.mkdir()
        (folder / "walk_forward.parquet").write_bytes(stream.getvalue())
        card = {"model_name": "volatility_garch", "timeframe": "1d", "main_metric": {"name": metric}, "window": {"last": last}}
        card |= {"promises": [{"text": "Better", "verdict": "met", "reason": "1 against 2"}], **more}
        hashes = {"walk_forward.parquet": hashlib.sha256(stream.getvalue()).hexdigest()}
        return Registered("volatility_garch", number, "run", card, folder, (), hashes, {})

    return version


def test_a_first_champion_with_an_edge_serves_its_model(version):
    decision = decide(version(walk(0.5)), None, {})
    assert (decision.outcome, decision.champion) == (Outcome.PROMOTE, None)
    assert decision.serves == {"tomorrow": "model"}
    assert decision.reason == "the first champion; by rmse it beats 'naive' in tomorrow"
    [one] = decision.evidence
    assert (one.baseline, one.days) == ("naive", DAYS)
    assert one.edge.low > 0


def test_a_first_champion_says_what_it_promised_beyond_the_simplest_line(version):
    promises = [
        {"text": "Better than the naive", "verdict": "met", "reason": "1 against 2"},
        {"text": "Better than the toughest", "verdict": "not met", "reason": "Brier 1.0 against 0.9 of 'tough'"},
    ]
    decision = decide(version(walk(0.5), promises=promises), None, {})
    assert decision.reason == (
        "the first champion; by rmse it beats 'naive' in tomorrow, the simplest line, which is all that the gate asks of a first champion; "
        "promised and not met: Better than the toughest (Brier 1.0 against 0.9 of 'tough')"
    )


def saved(gain: Gain) -> str:
    raw = f"squared error saved a day {gain.mean:+.3g}, 95 % interval {gain.low:+.3g} to {gain.high:+.3g}"
    share = [1 - np.sqrt(1 - value / gain.other) for value in (gain.mean, gain.low, gain.high)]
    return f"{raw}: {share[0]:+.1%} ({share[1]:+.1%} to {share[2]:+.1%}) of the RMSE"


def told(decision: Decision, label: str = "tomorrow") -> str:
    """What the reason says of a label: by what measure, where, by how much and on how much."""
    one = next(one for one in decision.evidence if one.label == label)
    return f"{label} ({saved(one.gain)}, on {one.rows} rows of {one.days} days that both stated)"


def test_what_is_saved_is_told_in_the_measure_of_the_promises(version):
    """A model whose errors are half of the baseline's saves half of its RMSE, and three quarters of its squared error."""
    rows = walk(0.5)
    rows = rows.assign(naive=rows["actual"] + 2 * (rows["model"] - rows["actual"]))
    for metric, share in (("rmse", 0.5), ("mae", 0.5), ("brier", 0.75)):
        [one] = decide(version(rows, metric=metric), None, {}).evidence
        assert one.edge.share(metric).mean == pytest.approx(share)
    assert Gain(0.0, 0.0, 0.0, 0.0).share("rmse") is None


def test_the_strongest_line_that_is_not_beaten_is_named(version):
    """The simplest line is beaten, so the model serves; a better one stands beside it."""
    rows = walk(0.5)
    strong = rows.assign(better=rows["actual"] + 0.3 * np.random.default_rng(8).normal(size=DAYS))
    decision = decide(version(strong), None, {})
    [one] = decision.evidence
    assert (decision.serves, one.strongest) == ({"tomorrow": "model"}, "better")
    assert one.beyond.high < 0
    unbeaten = f"; it does not beat the strongest line, 'better' in tomorrow ({saved(one.beyond)})"
    assert decision.reason == f"the first champion; by rmse it beats 'naive' in tomorrow{unbeaten}"
    assert decide(version(strong), version(walk(0.9, seed=3)), {}).reason.endswith(f", and nowhere worse{unbeaten}")


@pytest.mark.parametrize("spread", [1.0, 2.0])
def test_without_an_edge_the_baseline_is_served(version, spread):
    decision = decide(version(walk(spread)), None, {})
    assert decision.outcome is Outcome.PROMOTE
    assert decision.serves == {"tomorrow": "naive"}
    assert decision.reason == "the first champion; no edge found: by rmse it does not beat 'naive' in tomorrow, which is served"


def test_a_better_challenger_is_promoted_and_a_worse_one_refused(version):
    good, bad = version(walk(0.4)), version(walk(0.6, seed=2))
    better = decide(good, bad, {"tomorrow": "model"})
    assert better.outcome is Outcome.PROMOTE
    assert better.reason == f"better than version 2 in {told(better)}, and nowhere worse"
    worse = decide(bad, good, {"tomorrow": "model"})
    assert (worse.outcome, worse.reason) == (Outcome.REFUSE, f"worse than version 1 in {told(worse)}")
    assert worse.evidence[0].gain.high < 0


def test_better_in_one_label_does_not_buy_worse_in_another(version):
    challenger = pd.concat([walk(0.4), walk(0.6, seed=2, label="later")])
    champion = pd.concat([walk(0.6, seed=3), walk(0.4, seed=4, label="later")])
    decision = decide(version(challenger), version(champion), {})
    assert (decision.outcome, decision.reason) == (Outcome.REFUSE, f"worse than version 2 in {told(decision, 'later')}")


def test_an_equal_one_is_kept_out_unless_it_knows_newer_data(version):
    champion = version(walk(0.5, days=400), last="2018-11-30")
    same = decide(version(walk(0.5, days=400), last="2018-11-30"), champion, {})
    assert same.outcome is Outcome.KEEP
    nothing = "tomorrow (squared error saved a day +0, 95 % interval +0 to +0: +0.0% (+0.0% to +0.0%) of the RMSE, on 400 rows of 400 days that both stated)"
    assert same.reason == f"not better than version 1, which stays, in {nothing}; nor does it know later days than 2018-11-30"
    newer = decide(version(walk(0.5, days=400), last="2018-12-31"), champion, {})
    assert newer.outcome is Outcome.PROMOTE
    assert newer.reason == f"as good as version 1 in {nothing}, and it knows 2018-12-31 where that one ends with 2018-11-30"


def test_only_the_rows_of_both_count(version):
    """The challenger is far worse where the champion said nothing, and better on the days of both."""
    rows = walk(0.4)
    rows.loc[300:, "model"] = 50.0
    decision = decide(version(rows), version(walk(0.6, days=300, seed=2)), {"tomorrow": "model"})
    assert decision.evidence[0].days == 300
    # All of its rows count against its own baseline, so it would serve that one: worse than the champion.
    assert (decision.serves, decision.outcome) == ({"tomorrow": "naive"}, Outcome.REFUSE)


def test_what_is_served_is_compared(version):
    """A champion that serves its baseline is beaten by a model that has an edge, and by no other."""
    champion = version(walk(1.5))
    assert decide(version(walk(0.5)), champion, {"tomorrow": "naive"}).outcome is Outcome.PROMOTE
    kept = decide(version(walk(1.2, seed=5)), champion, {"tomorrow": "naive"})
    assert kept.outcome is Outcome.KEEP
    assert f"tomorrow (both serve 'naive', on {DAYS} rows of {DAYS} days that both stated)" in kept.reason


def test_an_outcome_that_was_restated_is_no_common_row(version):
    restated = walk(0.6, seed=2)
    restated.loc[:99, "actual"] += 1
    assert decide(version(walk(0.4)), version(restated), {}).evidence[0].days == DAYS - 100


def test_too_few_common_days_are_refused(version):
    decision = decide(version(walk(0.4)), version(walk(0.6, days=FEWEST_DAYS - 1)), {})
    assert decision.outcome is Outcome.REFUSE
    assert f"too little in common with version 2 in tomorrow ({FEWEST_DAYS - 1} days), {FEWEST_DAYS} days are needed" in decision.reason


def test_on_short_bars_a_month_in_common_is_enough(version):
    """A hundred days of them walk forward over half of them."""
    short = {"model_name": "edge_xgboost", "timeframe": "5m"}
    first = version(walk(0.6, days=49), **short)
    decision = decide(version(walk(0.1, days=49, seed=2), **short), first, {})
    assert (decision.outcome, decision.evidence[0].days) == (Outcome.PROMOTE, 49)
    few = decide(version(walk(0.1, days=23, seed=2), **short), first, {})
    assert "in tomorrow (23 days), 24 days are needed" in few.reason


def test_the_next_bar_is_still_open_when_a_decision_on_a_short_one_falls(version):
    """Better in what the next bar of five minutes brings, far worse in what is known at the close."""

    def rows(spread: float, today: float, seed: int) -> pd.DataFrame:
        ahead = walk(spread, seed=seed).assign(known_at=lambda rows: rows["closed_at"] + pd.Timedelta(minutes=5))
        return pd.concat([ahead, walk(today, label="same bar", ahead=0)])

    short = {"timeframe": "5m"}
    decision = decide(version(rows(0.4, 0.9, 2), **short), version(rows(0.6, 0.1, 3), **short), {})
    assert decision.reason == f"better than version 2 in {told(decision)}, and nowhere worse"


def test_a_label_that_is_known_already_decides_nothing(version):
    """The statement on today is better, the forecast is worse."""
    challenger = pd.concat([walk(0.6, seed=2), walk(0.1, label="today", ahead=0)])
    champion = pd.concat([walk(0.4, seed=3), walk(0.9, label="today", ahead=0)])
    decision = decide(version(challenger), version(champion), {})
    assert decision.reason == f"worse than version 2 in {told(decision)}"


def test_the_champion_itself_and_other_metrics(version):
    champion = version(walk(0.5))
    assert decide(champion, champion, {}).outcome is Outcome.KEEP
    with pytest.raises(ModelError, match="version 2 is judged by brier, champion 1 by rmse; they cannot be compared"):
        decide(version(walk(0.5), metric="brier"), champion, {})
    with pytest.raises(ModelError, match="two models cannot be compared by 'sharpe'"):
        decide(version(walk(0.5), metric="sharpe"), None, {})


def test_probabilities_are_compared_by_log_loss(version):
    def classes(right: float) -> pd.DataFrame:
        rows = walk(0.5).drop(columns=["model", "naive", "mean"])
        rows["actual"] = np.random.default_rng(4).integers(0, 2, DAYS).astype(float)
        for line, chance in (("model", right), ("majority", 0.5)):
            prefix = "" if line == "model" else f"{line} "
            rows[line] = rows["actual"]
            for code in (0, 1):
                rows[f"{prefix}p{code}"] = np.where(rows["actual"] == code, chance, 1 - chance)
        return rows

    sure, unsure = version(classes(0.8), metric="log_loss"), version(classes(0.6), metric="log_loss")
    assert decide(sure, None, {}).evidence[0].edge.mean == pytest.approx(np.log(0.8 / 0.5))
    assert decide(sure, unsure, {}).outcome is Outcome.PROMOTE
    assert decide(unsure, sure, {}).outcome is Outcome.REFUSE
    assert decide(version(classes(0.5), metric="log_loss"), None, {}).serves == {"tomorrow": "majority"}


def test_damaged_evidence_is_refused(version):
    found = version(walk(0.5))
    (found.folder / "walk_forward.parquet").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"walk_forward\.parquet is not what was stored and is refused"):
        decide(found, None, {})


def test_what_learnt_from_a_what_if_serves_nobody(version):
    dear = costs_of("sample").model_copy(update={"fee": 0.01}).model_dump()
    about = {"universe": "sample", "trades_run": "rules-sample-1d-0a1b2c3d"}
    decision = decide(version(walk(0.5), **about, costs=dear), None, {})
    assert decision.outcome is Outcome.REFUSE
    assert decision.reason.startswith(
        "it learnt from run rules-sample-1d-0a1b2c3d alone, which a form named and whose costs are not those in"
    )
    assert decide(version(walk(0.5), **about, costs=costs_of("sample").model_dump()), None, {}).outcome is Outcome.PROMOTE
