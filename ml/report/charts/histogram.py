"""How many values lie where, and one value among them."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from ml.report.charts.frame import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Chart,
    Scale,
    decimals_of,
    drawing,
    nice_ticks,
    value_axis,
    vertical,
)

_BINS = 24


def histogram(title: str, note: str, values: np.ndarray, own: float) -> Chart:
    """Draw the counts of ``values`` in bins of equal width, and a line at ``own``."""
    low, high = float(min(values.min(), own)), float(max(values.max(), own))
    margin = (high - low) * 0.04 or 1.0
    across = Scale(low - margin, high + margin, LEFT, WIDTH - RIGHT)
    counts, edges = np.histogram(values, bins=_BINS, range=(across.low, across.high))
    up, base = vertical([counts.astype(np.float64)], from_zero=True), HEIGHT - BOTTOM
    content = value_axis(up)
    for count, left, right in zip(counts, across(edges[:-1]), across(edges[1:]), strict=True):
        top = up.at(float(count))
        content += Markup('<rect class="bar other1" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>').format(
            left + 0.5, top, right - left - 1, base - top, f"{count} twins"
        )
    ticks = nice_ticks(across.low, across.high, 5)
    for tick in ticks:
        content += Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            across.at(tick), base + 16, f"{tick:.{decimals_of(ticks)}f}"
        )
    content += Markup('<path class="axis" d="M{} {}H{}"/>').format(LEFT, base, WIDTH - RIGHT)
    content += Markup('<path class="line model" d="M{:.1f} {}V{}"/>').format(across.at(own), TOP, base)
    return Chart(title, note, drawing(title, content), (("other1", "random twins"), ("model", "the strategy")))
