"""The frame of a chart: scales, ticks, axes, and what a chart is to the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

WIDTH, HEIGHT = 440, 230
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 24
#: More points than this cannot be told apart at the chart's width.
MOST_POINTS = 160

_MONTHS_APART = (1, 3, 6, 12, 24, 36, 60, 120, 240)
_MOST_DATES = 6


@dataclass(frozen=True)
class Chart:
    """A drawing, its title, a sentence on how to read it, and its legend as (CSS class, name)."""

    title: str
    note: str
    svg: Markup
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Scale:
    """Linear map of values between ``low`` and ``high`` to positions between ``start`` and ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Positions of the values."""
        span = self.high - self.low
        share = (np.asarray(values, dtype=np.float64) - self.low) / (span if span > 0 else 1.0)
        return self.start + share * (self.end - self.start)

    def at(self, value: float) -> float:
        """Position of one value."""
        return float(self(np.array([value]))[0])


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round values between ``low`` and ``high``, about ``count`` of them."""
    span = high - low
    if not span > 0:
        return [low]
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(place * step, 12) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def vertical(values: Iterable[np.ndarray], *, from_zero: bool) -> Scale:
    """The scale of an upright axis that holds all finite ``values``."""
    finite = np.concatenate([array[np.isfinite(array)] for array in values] or [np.zeros(1)])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    low = min(low, 0.0) if from_zero else low
    margin = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return Scale(low if from_zero else low - margin, high + margin, HEIGHT - BOTTOM, TOP)


def seconds(times: pd.DatetimeIndex) -> np.ndarray:
    """Times as seconds since 1970."""
    return times.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[s]").astype(np.float64)


def horizontal(times: pd.DatetimeIndex) -> Scale:
    """The scale of a time axis."""
    moments = seconds(times)
    return Scale(float(moments.min()), float(moments.max()), LEFT, WIDTH - RIGHT)


def value_axis(scale: Scale) -> Markup:
    """Grid lines and numbers of an upright axis."""
    ticks = nice_ticks(scale.low, scale.high)
    places = decimals_of(ticks)
    marks = [
        Markup('<path class="grid" d="M{} {:.1f}H{}"/><text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
            LEFT, scale.at(tick), WIDTH - RIGHT, LEFT - 5, scale.at(tick) + 3.5, f"{tick:.{places}f}"
        )
        for tick in ticks
    ]
    return Markup("").join(marks)


def time_axis(scale: Scale, *, base: float = HEIGHT - BOTTOM) -> Markup:
    """Dates below a time axis: years, or months where the time is short."""
    first, last = (pd.Timestamp(value, unit="s") for value in (scale.low, scale.high))
    months = (last.year - first.year) * 12 + last.month - first.month
    apart = next((gap for gap in _MONTHS_APART if months / gap <= _MOST_DATES), _MONTHS_APART[-1])
    begin = pd.Timestamp(first.year, 1, 1)
    dates = [date for date in pd.date_range(begin, last, freq=pd.DateOffset(months=apart)) if first <= date]
    pattern = "%Y" if apart >= 12 else "%Y-%m"
    marks = [
        Markup('<path class="mark" d="M{:.1f} {:.1f}v4"/><text class="tick" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(
            x, base, min(max(x, LEFT + 12), WIDTH - RIGHT - 14), base + 16, date.strftime(pattern)
        )
        for date in dates
        for x in [scale.at(date.timestamp())]
    ]
    return Markup('<path class="axis" d="M{} {:.1f}H{}"/>').format(LEFT, base, WIDTH - RIGHT) + Markup("").join(marks)


def decimals_of(ticks: Sequence[float]) -> int:
    """The fewest decimals that tell the ticks apart."""
    return next((places for places in range(7) if all(abs(round(tick, places) - tick) < 1e-9 for tick in ticks)), 6)


def drawing(label: str, content: Markup, *, height: int = HEIGHT) -> Markup:
    """The SVG element; ``label`` is what a screen reader says."""
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(WIDTH, height, label, content)


def path(x: np.ndarray, y: np.ndarray) -> str:
    """A line through the points, broken where a value is missing."""
    pieces, pen = [], "M"
    for across, up in zip(x, y, strict=True):
        if np.isfinite(up):
            pieces.append(f"{pen}{across:.1f} {up:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(pieces)


def thinned(count: int) -> np.ndarray:
    """Places of at most about :data:`MOST_POINTS` of ``count`` rows, evenly spread, the last one included."""
    step = max(1, -(-count // MOST_POINTS))
    return np.arange(count - 1, -1, -step)[::-1]
