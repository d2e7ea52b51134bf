"""What features that remember all bars know at a bar, taken down so that a later run goes on from there with the same bits.

Such a feature is made of kernels whose whole memory is a few numbers, their registers. Kernels are called in the same order for
every symbol, so registers need no names: :class:`Memory` hands them out in that order, and takes them down in that order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from spark_jobs.features.compiling import Series


class Memory:
    """Where the kernels of one symbol begin, and where they take their registers down.

    Parameters
    ----------
    start
        The bar at which they begin; bars before it were seen in the run before.
    registers
        What that run took down before the bar ``start``; None at a first bar.
    mark
        The bar before which registers are taken down; -1: nowhere.
    """

    def __init__(self, start: int = 0, registers: Series | None = None, mark: int = -1) -> None:
        self.start, self.mark = start, mark
        self._registers, self._used = registers, 0
        self._taken: list[Series] = []

    def next_registers(self, count: int) -> Series:
        """Registers of the next kernel, which replaces them by those at the mark."""
        if self._registers is None:
            registers = np.zeros(count)
        else:
            registers = self._registers[self._used : self._used + count].copy()
            self._used += count
        if self.mark >= 0:
            self._taken.append(registers)
        return registers

    @property
    def taken(self) -> Series:
        """Registers at the mark, of all kernels."""
        return np.concatenate([np.empty(0), *self._taken])


_NOTHING = Memory()
_active = [_NOTHING]


@contextmanager
def remembering(memory: Memory) -> Iterator[None]:
    """Give the kernels that are called meanwhile their memory; without it they begin at the first bar."""
    _active.append(memory)
    try:
        yield
    finally:
        _active.pop()


def active() -> Memory:
    """The memory of the kernel that asks."""
    return _active[-1]
