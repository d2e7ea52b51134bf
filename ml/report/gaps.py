"""Gaps of one symbol by year, for the report; they are those of the quality page."""

from __future__ import annotations

from dataclasses import dataclass

from include.completeness import Gap
from ml.report.quality_months import SymbolQuality


@dataclass(frozen=True)
class YearGaps:
    """One year: bars that should be there, how many of them are missing, and the gaps that begin in it."""

    expected: int
    missing: int
    gaps: tuple[Gap, ...]

    @property
    def share(self) -> float:
        """Missing bars as a share of all, 0 to 1."""
        return self.missing / self.expected if self.expected else 0.0


@dataclass(frozen=True)
class SymbolGaps:
    """One instrument and its years."""

    quality: SymbolQuality
    years: dict[int, YearGaps]


def by_year(quality: SymbolQuality) -> SymbolGaps:
    """Gather a symbol's months to years; years in which no bar was promised are left out."""
    years: dict[int, YearGaps] = {}
    for year in sorted({int(key[:4]) for key, month in quality.months.items() if month.expected}):
        months = [month for key, month in quality.months.items() if int(key[:4]) == year]
        gaps = tuple(gap for gap in quality.gaps if gap.first.year == year)
        years[year] = YearGaps(sum(month.expected for month in months), sum(month.missing for month in months), gaps)
    return SymbolGaps(quality, years)
