"""The suites as JSON beside the code; ``python -m expectations.stored`` stores them anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.bars import bar_suite
from expectations.completeness import completeness_suite
from expectations.features import feature_suite
from expectations.option_chains import option_chain_suite
from expectations.predictions import prediction_suite
from expectations.rules import FOLDER, render
from expectations.series import series_suite

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

SUITES: dict[str, Callable[[], ExpectationSuite]] = {
    "bars": bar_suite,
    "series": series_suite,
    "completeness": completeness_suite,
    "features": feature_suite,
    "predictions": prediction_suite,
    "option_chains": option_chain_suite,
}


def rendered() -> dict[str, str]:
    """Text of each stored file by its name."""
    return {f"{name}.json": render(make()) for name, make in SUITES.items()}


def main(folder: Path = FOLDER) -> None:
    """Store all suites."""
    for name, text in rendered().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
