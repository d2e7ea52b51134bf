"""The catalogue of features as a page for people; ``python -m spark_jobs.feature_page`` writes it anew."""

from __future__ import annotations

from pathlib import Path

from include.feature_sets import FeatureFacts
from include.settings import PROJECT
from spark_jobs.features.catalog import FEATURES
from spark_jobs.features.registry import Category

PAGE = PROJECT / "docs" / "features.md"

_HEAD = """\
# Features

<!-- Made by `python -m spark_jobs.feature_page` from the declarations in spark_jobs/features; change those. -->

{count} features. A row is known when its bar has closed; no feature looks at a later bar. Windows count bars, whatever their size.

- **Warm-up** is the number of leading bars without a value. A missing number in the bars makes null exactly what is made of it.
  Features marked ∞ remember all bars since their start, and start again after a missing number; the others are made of their last
  warm-up + 1 bars.
- **Null** is also what a formula leaves open (0 / 0), such as a place in a range where there is no range.
- Values in units of `price` or `volume` are on the scale of the newest known split: a later split changes them. All others stay.
- With the setting `adjust_dividends` prices before a dividend are also lowered by the share of the price that it paid out
  (1 - dividend / close before it), so that returns are total returns. That is another feature set: its name ends in `-dividends`.
- Values are computed in double precision and stored as float32: seven digits, so that sums of volume of an index (1e12) come in steps of
  65,536.
- Features that need volume are null for instruments that trade none.
- On intraday bars windows run on from session to session: the bar before a session's first is the last of the session before, so that
  the overnight move is in that one bar's return, true range and `opening_gap`, and in no other. A bar that is missing is not filled in;
  the step over the hole is the step between the bars that are there. Nothing is annualised: units say "per bar".
- Breadth is the mean vote of the stocks, funds and coins that closed at the very moment, null with fewer than three votes.
"""


def render() -> str:
    """The page's text."""
    parts = [_HEAD.format(count=len(FEATURES))]
    for category in Category:
        rows = [feature.facts for feature in FEATURES if feature.facts.category == category]
        parts.append(f"\n## {category.value.capitalize()} ({len(rows)})\n")
        parts.append("| name | what it is | unit | made of | warm-up | formula |\n|---|---|---|---|---:|---|\n")
        parts.extend(_row(facts) for facts in rows)
    return "".join(parts)


def _row(facts: FeatureFacts) -> str:
    warm_up = f"{facts.warm_up} ∞" if facts.recursive else str(facts.warm_up)
    return f"| `{facts.name}` | {facts.description} | {facts.unit} | {', '.join(facts.inputs)} | {warm_up} | {facts.source} |\n"


def main(page: Path = PAGE) -> None:
    """Write the page."""
    page.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
