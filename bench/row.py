"""One number of the bench, and the goal it is held against."""

from __future__ import annotations

from statistics import median
from typing import Any


def row(name: str, value: float, unit: str, at_most: float | None = None) -> dict[str, Any]:
    """What a bench module answers for one measurement.

    Parameters
    ----------
    at_most
        The goal; None where there is none, as for a number that only explains another.

    Returns
    -------
    dict
        ``name``, ``value`` (three significant digits), ``unit``, ``goal`` (text or None), ``met`` (None without a goal).
    """
    shown = float(f"{value:.3g}")
    if at_most is None:
        return {"name": name, "value": shown, "unit": unit, "goal": None, "met": None}
    return {"name": name, "value": shown, "unit": unit, "goal": f"<= {at_most:.3g} {unit}".rstrip(), "met": value <= at_most}


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """Median over the rounds of ours over theirs of the same round, so that a busy minute hits both."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))
