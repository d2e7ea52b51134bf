"""The registry: each feature is declared once, beside its formula; there is no second list of names.

A formula is a function of one symbol's bars and a window. Its docstring is the description that users read.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Protocol

import numpy as np

from include.feature_sets import FeatureFacts
from spark_jobs.features.bars import COLUMNS, SymbolBars
from spark_jobs.features.compiling import Series

Formula = Callable[[SymbolBars, int], Series]


class Category(StrEnum):
    """The families of features."""

    TREND = "trend"
    MOMENTUM = "momentum"
    VOLATILITY = "volatility"
    VOLUME = "volume"
    PATTERN = "pattern"
    STATISTICAL = "statistical"
    BREADTH = "breadth"


@dataclass(frozen=True)
class Feature:
    """One feature: what it is, and how it is made."""

    facts: FeatureFacts
    formula: Formula

    @property
    def name(self) -> str:
        """Its column."""
        return self.facts.name

    @property
    def cross_sectional(self) -> bool:
        """Whether the formula gives one symbol's vote (0 or 1), of which the feature is the mean over symbols."""
        return self.facts.category == Category.BREADTH

    def values(self, bars: SymbolBars) -> Series:
        """The formula's values in full precision: one a bar; NaN or an infinity where there is none."""
        with np.errstate(all="ignore"):
            return self.formula(bars, self.facts.window)


REGISTRY: dict[str, Feature] = {}


class Declaration(Protocol):
    """Decorator of a formula; see :func:`declare`."""

    def __call__(
        self,
        name: str,
        windows: Sequence[int],
        *,
        inputs: tuple[str, ...],
        unit: str,
        source: str,
        warm_up: Callable[[int], int] = ...,
        recursive: bool = ...,
    ) -> Callable[[Formula], Formula]:
        """Declare a feature for each window."""


def family(category: Category) -> Declaration:
    """The decorator with which the features of one family are declared."""
    return partial(declare, category)


def declare(
    category: Category,
    name: str,
    windows: Sequence[int],
    *,
    inputs: tuple[str, ...],
    unit: str,
    source: str,
    warm_up: Callable[[int], int] = lambda window: window - 1,
    recursive: bool = False,
) -> Callable[[Formula], Formula]:
    """Declare a feature for each of ``windows``.

    Parameters
    ----------
    name
        Column name; ``{window}`` is replaced, here and in the docstring.
    windows
        Bars; the formula is called with each.
    inputs
        Columns of the bars it is made of; the feature is null where they are.
    unit
        ``price`` for what scales with the price (such values move when the instrument splits).
    source
        Whose formula it is.
    warm_up
        Leading bars without a value, from the window.
    recursive
        Whether it remembers all bars since its start; else the value is made of the last ``warm_up + 1`` bars only.

    Raises
    ------
    ValueError
        If the name is taken, an input is unknown, or the docstring is missing.
    """

    def register(formula: Formula) -> Formula:
        for window in windows:
            filled = name.format(window=window)
            description = inspect.cleandoc(formula.__doc__ or "").format(window=window)
            if filled in REGISTRY:
                raise ValueError(f"feature {filled} is declared twice")
            if not description or not set(inputs) <= set(COLUMNS):
                raise ValueError(f"feature {filled} needs a docstring, and inputs among {', '.join(COLUMNS)}")
            facts = FeatureFacts(filled, category.value, unit, window, warm_up(window), recursive, inputs, source, description)
            REGISTRY[filled] = Feature(facts, formula)
        return formula

    return register
