"""The bars of one symbol as the features see them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar, cast

import numpy as np

from spark_jobs.features.compiling import Series

#: What a feature may name as its inputs.
COLUMNS = ("open", "high", "low", "close", "volume")

Result = TypeVar("Result")


class SymbolBars:
    """One symbol's bars on one price scale, oldest first, null (NaN) where a number is missing.

    Parameters
    ----------
    open, high, low, close
        Prices in currency units, one a bar. Infinities are taken as nulls.
    volume
        Shares or coins; all nulls for an instrument that trades none.
    """

    def __init__(self, open: Series, high: Series, low: Series, close: Series, volume: Series) -> None:  # noqa: A002 (that is its name)
        self.open = finite(open)
        self.high = finite(high)
        self.low = finite(low)
        self.close = finite(close)
        self.volume = finite(volume)
        self._shared: dict[tuple[object, ...], object] = {}

    def __len__(self) -> int:
        return int(self.close.size)

    def since(self, first: int) -> SymbolBars:
        """The bars from number ``first`` on."""
        return self if first == 0 else SymbolBars(*(getattr(self, name)[first:] for name in COLUMNS))

    def of(self, kernel: Callable[..., Result], series: str, *arguments: float) -> Result:
        """``kernel`` applied to the named series (several are parted by blanks); made once, whichever features ask."""
        key = (kernel, series, *arguments)
        if key not in self._shared:
            self._shared[key] = kernel(*(getattr(self, name) for name in series.split()), *arguments)
        return cast("Result", self._shared[key])

    @cached_property
    def previous_close(self) -> Series:
        """Close of the bar before."""
        return earlier(self.close, 1)

    @cached_property
    def change(self) -> Series:
        """Close less the close before."""
        return self.close - self.previous_close

    @cached_property
    def gain(self) -> Series:
        """The change where it is a rise, else 0."""
        return np.maximum(self.change, 0.0)

    @cached_property
    def loss(self) -> Series:
        """The change where it is a fall, as a positive number, else 0."""
        return np.maximum(-self.change, 0.0)

    @cached_property
    def simple_return(self) -> Series:
        """Close over the close before, less 1."""
        return finite(self.close / self.previous_close - 1.0)

    @cached_property
    def log_return(self) -> Series:
        """Logarithm of close over the close before."""
        return finite(np.log(self.close / self.previous_close))

    @cached_property
    def true_range(self) -> Series:
        """Range of the bar and the close before; null for the first bar."""
        return np.maximum(self.high, self.previous_close) - np.minimum(self.low, self.previous_close)

    @cached_property
    def typical(self) -> Series:
        """Mean of high, low and close."""
        return (self.high + self.low + self.close) / 3.0

    @cached_property
    def traded_value(self) -> Series:
        """Typical price times volume."""
        return self.typical * self.volume

    @cached_property
    def flow_volume(self) -> Series:
        """Volume times where the close lies in the bar's range, from -1 (low) to 1 (high); 0 for a bar without a range."""
        span = self.high - self.low
        place = ((self.close - self.low) - (self.high - self.close)) / np.where(span > 0, span, 1.0)
        return place * self.volume


def finite(values: Series) -> Series:
    """A contiguous float64 copy with nulls for infinities."""
    copy = np.array(values, dtype=np.float64, order="C")
    copy[np.isinf(copy)] = np.nan
    return copy


def earlier(values: Series, bars: int) -> Series:
    """The values of ``bars`` bars before; null where there is none."""
    shifted = np.full(values.size, np.nan)
    if bars < values.size:
        shifted[bars:] = values[: values.size - bars]
    return shifted
