"""The verdict on a promise, by one rule for all judges: what something simpler keeps as well is no merit of the model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ml.validation.losses import MODEL
from ml.validation.significance import block_bootstrap, by_day, clustered_mean

MET, NOT_MET, TRIVIALLY_MET = "met", "not met", "trivially met"
VERDICTS = (MET, NOT_MET, TRIVIALLY_MET)
_SHARE, _TOLERANCE = 0.9, 0.02


def verdict(*, kept: bool, simpler: bool) -> str:
    """Return one of :data:`VERDICTS`; ``simpler`` says whether something simpler keeps the promise too."""
    if not kept:
        return NOT_MET
    return TRIVIALLY_MET if simpler else MET


def simpler_keepers(losses: Mapping[str, np.ndarray], beaten: str, closed_at: pd.Series) -> list[str]:
    """Name the lines, the strongest first, that keep the promise of a lower loss than ``beaten`` as the model does.

    Such a line passes the test of the model, a 95 % interval of the gain by day above 0, or its loss is no higher than the model's.

    Parameters
    ----------
    losses
        By line, ``model`` and ``beaten`` among them, the loss of each row.
    """
    means = {line: float(values.mean()) for line, values in losses.items()}
    others = sorted((line for line in losses if line not in {MODEL, beaten}), key=means.__getitem__)
    return [
        line for line in others if means[line] <= means[MODEL] or block_bootstrap(by_day(losses[beaten] - losses[line], closed_at)).low > 0
    ]


def covers(rows: pd.DataFrame) -> dict[str, str]:
    """Promise that 90 % intervals hold what they say, on rows with ``actual``, ``lower`` and ``upper``.

    Wider is no safer: an interval that holds more than it says overstates what is not known.
    """
    rows = rows.dropna(subset=["lower", "upper"]).reset_index(drop=True)
    found = clustered_mean(rows["actual"].between(rows["lower"], rows["upper"]).to_numpy(np.float64), rows["closed_at"])
    off = found.mean - _SHARE
    kept = abs(off) <= _TOLERANCE
    return {
        "text": f"9 outcomes of 10 lie inside the 90 % interval, give or take {100 * _TOLERANCE:.0f} points",
        "verdict": verdict(kept=kept, simpler=False),
        "reason": (
            f"{found.mean:.1%} do, 95 % interval by day {found.low:.1%} to {found.high:.1%}"
            + ("" if kept else f": the intervals are too {'wide' if off > 0 else 'narrow'}")
        ),
    }
