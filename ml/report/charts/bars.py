"""Groups of bars below each other: names stand above their bars, so that none meets another however narrow the page is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from ml.report.charts.frame import Chart, decimals_of, nice_ticks

_NAME, _BAR, _GAP, _AXIS = 19, 7, 9, 20  # pixels
_WIDEST = 97.0  # percent of the width, for the longest bar


def bar_chart(title: str, note: str, groups: Sequence[str], lines: Mapping[str, tuple[str, Sequence[float | None]]]) -> Chart:
    """Draw a bar for each group and line, from 0 to the right; lengths are shares of the width, heights are pixels.

    Parameters
    ----------
    lines
        By name the CSS class and one value a group, none below 0; None where the line is not in the group.
    """
    known = np.array([value for _, values in lines.values() for value in values if value is not None], dtype=np.float64)
    longest = float(known.max(initial=0.0)) or 1.0
    content, down = Markup(""), 0
    for place, group in enumerate(groups):
        content += Markup('<text class="caption" x="0" y="{}">{}</text>').format(down + _NAME - 6, group)
        down += _NAME
        for name, (style, values) in lines.items():
            value = values[place]
            if value is None:
                continue
            content += Markup('<rect class="bar {}" x="0" y="{}" width="{:.2f}%" height="{}"><title>{}</title></rect>').format(
                style, down, _WIDEST * value / longest, _BAR - 1, f"{group}, {name}: {value:.4f}"
            )
            down += _BAR
        down += _GAP
    height = down + _AXIS
    drawing = Markup('<svg style="height:{}px" role="img" aria-label="{}">{}{}</svg>').format(height, title, _axis(longest, down), content)
    return Chart(title, note, drawing, tuple((style, name) for name, (style, _) in lines.items()))


def _axis(longest: float, base: int) -> Markup:
    """Upright grid lines, with their numbers below."""
    ticks = nice_ticks(0.0, longest)
    places = decimals_of(ticks)
    marks = [
        Markup(
            '<line class="grid" x1="{0:.2f}%" x2="{0:.2f}%" y1="0" y2="{1}"/><text class="caption" x="{0:.2f}%" y="{2}"{3}>{4}</text>'
        ).format(_WIDEST * tick / longest, base, base + 14, Markup(' text-anchor="middle"') if tick else "", f"{tick:.{places}f}")
        for tick in ticks
    ]
    return Markup("").join(marks)
