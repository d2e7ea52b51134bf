"""Probabilities of classes: a ribbon over time with what came below it, and reliability."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup

from ml.report.charts.frame import (
    BOTTOM,
    HEIGHT,
    LEFT,
    MOST_POINTS,
    RIGHT,
    TOP,
    WIDTH,
    Chart,
    Scale,
    drawing,
    horizontal,
    path,
    seconds,
    time_axis,
    value_axis,
)

_STRIP = 16
_BINS = 10
_BLOCK, _DRAWS = 20, 200
_FEWEST = 10  # rows of a bin, below which its frequency says nothing


def ribbon_chart(title: str, note: str, times: pd.DatetimeIndex, chances: np.ndarray, came: np.ndarray, names: list[str]) -> Chart:
    """Draw stacked probabilities, averaged over neighbouring rows, and below them the class that came.

    Parameters
    ----------
    chances
        Shape (rows, classes); each row sums to 1.
    came
        Codes of the classes, one a row.
    """
    across = horizontal(times)
    floor = HEIGHT - BOTTOM - _STRIP - 6
    up = Scale(0.0, 1.0, floor, TOP)
    bins = np.minimum(np.arange(len(times)) * MOST_POINTS // max(len(times), 1), np.arange(len(times)))
    parts = pd.DataFrame(chances).groupby(bins).mean().to_numpy()
    x = across(pd.Series(seconds(times)).groupby(bins).mean().to_numpy())
    x[0], x[-1] = LEFT, WIDTH - RIGHT
    edges = np.column_stack([np.zeros(len(parts)), parts.cumsum(axis=1)])
    content = Markup("")
    for code in range(chances.shape[1]):
        outline = path(np.concatenate([x, x[::-1]]), np.concatenate([up(edges[:, code]), up(edges[:, code + 1])[::-1]]))
        content += Markup('<path class="class{}" d="{}Z"/>').format(code, outline)
    content += value_axis(up)
    content += _strip(across(seconds(times)), came, floor + 4)
    content += time_axis(across)
    return Chart(title, note, drawing(title, content), tuple((f"class{code}", name) for code, name in enumerate(names)))


def reliability_chart(title: str, note: str, chances: np.ndarray, came: np.ndarray, block: int = _BLOCK) -> Chart:
    """Draw how often a class came against the probability it was given, all classes pooled, in ten bins.

    The upright lines are 95 % intervals of a circular block bootstrap over ``block`` rows, since neighbouring days are alike.
    """
    stated, observed, low, high, rows = _reliability(chances, came, block)
    across, up = Scale(0.0, 1.0, LEFT, WIDTH - RIGHT), Scale(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    content = value_axis(up)
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        content += Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{:.2f}</text>').format(
            min(across.at(tick), WIDTH - RIGHT - 8), HEIGHT - BOTTOM + 16, tick
        )
    content += Markup('<path class="diagonal" d="M{:.1f} {:.1f}L{:.1f} {:.1f}"/>').format(across.at(0), up.at(0), across.at(1), up.at(1))
    most = max(rows.max(initial=1), 1)
    for x, y, bottom, top, count in zip(stated, observed, low, high, rows, strict=True):
        content += Markup('<path class="interval" d="M{0:.1f} {1:.1f}V{2:.1f}"/>').format(across.at(x), up.at(bottom), up.at(top))
        content += Markup('<circle class="point" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"><title>{}</title></circle>').format(
            across.at(x), up.at(y), 2.5 + 5 * np.sqrt(count / most), f"stated {x:.2f}, came {y:.2f}, {count} times"
        )
    return Chart(title, note, drawing(title, content), (("point", "stated against observed"), ("diagonal", "perfect")))


def _strip(x: np.ndarray, came: np.ndarray, top: float) -> Markup:
    """Runs of equal classes as blocks."""
    starts = np.flatnonzero(np.diff(came, prepend=came[0] - 1))
    ends = np.append(starts[1:], len(came) - 1)
    content = Markup("")
    for start, end in zip(starts, ends, strict=True):
        content += Markup('<rect class="class{}" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>').format(
            int(came[start]), x[start], top, max(x[end] - x[start], 0.4), _STRIP
        )
    return content


def _reliability(chances: np.ndarray, came: np.ndarray, block: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean stated probability, observed frequency, its interval and the count, of each bin that holds enough."""
    rows, classes = chances.shape
    hit = (came[:, None] == np.arange(classes)).astype(np.float64)
    place = np.minimum((chances * _BINS).astype(int), _BINS - 1)
    inside = place[:, :, None] == np.arange(_BINS)
    counts, hits = inside.sum(axis=1).astype(np.float64), (inside * hit[:, :, None]).sum(axis=1)
    stated = (inside * chances[:, :, None]).sum(axis=(0, 1))
    starts = np.random.default_rng(0).integers(0, rows, size=(_DRAWS, -(-rows // block)))
    drawn = (starts[:, :, None] + np.arange(block)).reshape(_DRAWS, -1)[:, :rows] % rows
    total = counts.sum(axis=0)
    enough = total >= _FEWEST
    frequencies = np.stack([hits[places].sum(axis=0)[enough] / np.maximum(counts[places].sum(axis=0)[enough], 1) for places in drawn])
    low, high = np.quantile(frequencies, [0.025, 0.975], axis=0)
    return stated[enough] / total[enough], hits.sum(axis=0)[enough] / total[enough], low, high, total[enough].astype(int)
