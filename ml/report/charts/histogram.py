"""How values are spread, and where one of them stands."""

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


def histogram_chart(
    title: str, note: str, values: np.ndarray, *, names: tuple[str, str], own: float | None = None, percent: bool = False
) -> Chart:
    """Draw how often values came, and an upright line at ``own``.

    Parameters
    ----------
    values
        Shape (values,), finite, at least one.
    names
        Of the values, and of ``own``, for the legend.
    percent
        Write the values, which are fractions, in percent.
    """
    factor = 100.0 if percent else 1.0
    shown = np.asarray(values, dtype=np.float64) * factor
    mark = None if own is None else own * factor
    everything = shown if mark is None else np.append(shown, mark)
    low, high = float(everything.min()), float(everything.max())
    margin = (high - low) * 0.04 or abs(high) * 0.05 or 1.0
    across = Scale(low - margin, high + margin, LEFT, WIDTH - RIGHT)
    counts, edges = np.histogram(shown, bins=_BINS, range=(across.low, across.high))
    up = vertical([counts.astype(np.float64)], from_zero=True)
    base, content = HEIGHT - BOTTOM, value_axis(up)
    places = across(edges)
    for count, left, right, start, end in zip(counts, places[:-1], places[1:], edges[:-1], edges[1:], strict=True):
        if count:
            content += Markup(
                '<rect class="bar other1" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>'
            ).format(left + 0.5, up.at(float(count)), right - left - 1, base - up.at(float(count)), f"{start:.3g} to {end:.3g}: {count}")
    ticks = nice_ticks(across.low, across.high)
    for tick in ticks:
        text = f"{tick:.{decimals_of(ticks)}f}{' %' if percent else ''}".replace("-", "\u2212")
        content += Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(across.at(tick), base + 16, text)
    content += Markup('<path class="axis" d="M{} {}H{}"/>').format(LEFT, base, WIDTH - RIGHT)
    legend: tuple[tuple[str, str], ...] = (("other1", names[0]),)
    if mark is not None:
        content += Markup('<path class="line model" d="M{0:.1f} {1}V{2}"/>').format(across.at(mark), TOP, base)
        legend += (("model", names[1]),)
    return Chart(title, note, drawing(title, content), legend)
