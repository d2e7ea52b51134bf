"""Bar sizes: the names used in paths, forms and settings, and their length."""

from __future__ import annotations

from datetime import timedelta

from include.errors import ConfigurationError

TIMEFRAMES: dict[str, timedelta] = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}


def timeframe_length(timeframe: str) -> timedelta:
    """Length of one bar.

    Raises
    ------
    ConfigurationError
        If the timeframe is not one of :data:`TIMEFRAMES`.
    """
    try:
        return TIMEFRAMES[timeframe]
    except KeyError:
        raise ConfigurationError(f"timeframe {timeframe!r} is unknown; use one of {', '.join(TIMEFRAMES)}") from None
