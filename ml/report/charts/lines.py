"""Lines over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from ml.report.charts.frame import Chart, drawing, horizontal, path, seconds, thinned, time_axis, value_axis, vertical


@dataclass(frozen=True)
class Line:
    """One line: ``style`` is a CSS class of the page (``model``, ``actual``, ``other1`` ...), ``heights`` are its values."""

    name: str
    style: str
    heights: np.ndarray


def line_chart(
    title: str,
    note: str,
    times: pd.DatetimeIndex,
    lines: list[Line],
    *,
    band: tuple[np.ndarray, np.ndarray] | None = None,
    from_zero: bool = True,
) -> Chart:
    """Draw lines, thinned to what the eye can tell apart.

    Parameters
    ----------
    times
        UTC, ascending; each line has one value a time, NaN where there is none.
    band
        Lower and upper edge of a shaded interval.
    """
    taken = thinned(len(times))
    times = times[taken]
    shown = [Line(line.name, line.style, line.heights[taken]) for line in lines]
    edges = [edge[taken] for edge in band] if band else []
    across, up = horizontal(times), vertical([*(line.heights for line in shown), *edges], from_zero=from_zero)
    x = across(seconds(times))
    content = value_axis(up) + time_axis(across)
    if edges:
        held = np.isfinite(edges[0]) & np.isfinite(edges[1])
        outline = path(np.concatenate([x[held], x[held][::-1]]), np.concatenate([up(edges[0][held]), up(edges[1][held])[::-1]]))
        content += Markup('<path class="band" d="{}Z"/>').format(outline)
    for line in shown:
        content += Markup('<path class="line {}" d="{}"/>').format(line.style, path(x, up(line.heights)))
    legend = tuple((line.style, line.name) for line in shown) + ((("band", "90 % interval"),) if edges else ())
    return Chart(title, note, drawing(title, content), legend)
