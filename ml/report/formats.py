"""How numbers, dates and names are written on the page."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ml.report.comparisons import title
from ml.report.quality_months import MonthQuality

_VERDICT_STYLES = {
    "met": "good", "not met": "bad", "trivially met": "fair", "steady": "good", "drifted": "bad", "too early to tell": "fair",
    "edge": "good", "no edge": "fair", "in sample": "bad",
}  # fmt: skip


def number(value: int) -> str:
    """A count with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def percent(value: float | None, places: int = 1) -> str:
    """A fraction in percent; a value that is not 0 is never written as 0."""
    if value is None:
        return "–"
    smallest = 10.0 ** -(places + 2)
    if 0 < value < smallest / 2:
        return f"<{smallest * 100:.{places}f}\u202f%"
    return f"{value * 100:.{places}f}\u202f%"


def signed_percent(value: float | None) -> str:
    """A relative difference in percent with its sign; tenfold and more as a factor."""
    if value is None:
        return "–"
    return f"×{value + 1:.0f}" if value >= 9 else f"{value * 100:+.1f}\u202f%".replace("-", "\u2212")


def gain(value: float) -> str:
    """A return with its sign, in percent to the hundredth."""
    return f"{value * 100:+.2f}\u202f%".replace("-", "\u2212")


def day(value: datetime | None) -> str:
    """The date."""
    return "–" if value is None else f"{value:%Y-%m-%d}"


def moment(value: datetime | None, timeframe: str = "") -> str:
    """Date and time to the minute; daily bars have dates only."""
    if value is None:
        return "no time"
    return day(value) if timeframe == "1d" else f"{value:%Y-%m-%d %H:%M}"


def price(value: float | None) -> str:
    """A price or volume as it came, with what a float holds of it and no more."""
    return "null" if value is None else f"{value:.10g}"


def figure(value: float) -> str:
    """A figure of any size, to three places."""
    return f"{value:.3g}" if math.isfinite(value) else "–"


def plain(value: object) -> str:
    """A name for people: words for underscores."""
    return str(value).replace("_", " ")


def verdict_style(verdict: str) -> str:
    """CSS class of a verdict's chip."""
    return _VERDICT_STYLES[verdict]


def heat(share: float | None) -> str:
    """CSS class of a cell by the share of nulls or of missing sessions, 0 to 1."""
    if share is None:
        return "none"
    if share <= 0:
        return "heat0"
    return next((f"heat{step}" for step, bound in enumerate((0.01, 0.1, 0.5, 0.999), start=1) if share <= bound), "heat5")


def month_style(month: MonthQuality | None) -> str:
    """CSS class of a symbol's month."""
    if month is None or not (month.expected or month.outage or month.held or month.kept):
        return "unheld" if month and month.unheld else "none"
    style = "many" if month.too_many else "few" if month.missing else "full"
    return f"{style} held" if month.held else style


def month_words(month: MonthQuality | None) -> str:
    """A symbol's month in words."""
    if month is None:
        return "not asked for, or not listed"
    words = f"{month.expected - month.missing - month.outage} of {month.expected} bars"
    absent = month.missing - month.turned_away
    words += f", no row came for {absent}" if absent else ""
    words += f", {month.outage} in a known outage" if month.outage else ""
    words += f", the source has nothing for {month.unheld} more" if month.unheld else ""
    words += f", {month.refused} {'row' if month.refused == 1 else 'rows'} refused" if month.refused else ""
    words += (", held back for this" if month.too_many else ", held back") if month.held else ""
    return words + (f", {month.older} bars of an earlier run still serve" if month.older else "")


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "percent": percent,
    "signed_percent": signed_percent,
    "gain": gain,
    "day": day,
    "moment": moment,
    "price": price,
    "figure": figure,
    "plain": plain,
    "metric": title,
    "verdict_style": verdict_style,
    "heat": heat,
    "month_style": month_style,
    "month_words": month_words,
}
