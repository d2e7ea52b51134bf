"""Groups of bars side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from ml.report.charts.frame import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, Chart, drawing, value_axis, vertical

_GAP = 0.28  # of a group's width


def bar_chart(title: str, note: str, groups: Sequence[str], lines: Mapping[str, tuple[str, Sequence[float | None]]]) -> Chart:
    """Draw a bar for each group and line.

    Parameters
    ----------
    lines
        By name the CSS class and one value a group; None where the line is not in the group.
    """
    known = np.array([value for _, values in lines.values() for value in values if value is not None], dtype=np.float64)
    up = vertical([known], from_zero=True)
    base, content = HEIGHT - BOTTOM, value_axis(up)
    wide = (WIDTH - LEFT - RIGHT) / len(groups)
    for place, group in enumerate(groups):
        left = LEFT + place * wide
        present = [(name, style, values[place]) for name, (style, values) in lines.items() if values[place] is not None]
        each = wide * (1 - _GAP) / max(len(present), 1)
        for number, (name, style, value) in enumerate(present):
            top = up.at(float(value or 0.0))
            content += Markup('<rect class="bar {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>').format(
                style, left + wide * _GAP / 2 + number * each, top, each * 0.9, base - top, f"{group}, {name}: {value:.3f}"
            )
        content += Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(left + wide / 2, base + 16, group)
    content += Markup('<path class="axis" d="M{} {}H{}"/>').format(LEFT, base, WIDTH - RIGHT)
    return Chart(title, note, drawing(title, content), tuple((style, name) for name, (style, _) in lines.items()))
