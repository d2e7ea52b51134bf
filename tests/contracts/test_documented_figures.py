"""The README's figures of speed are those that `make bench` wrote."""

from __future__ import annotations

import json
import re

from tests.conftest import PROJECT

PARAGRAPH = re.compile(r"Measured on ([\d-]{10}): (.*?) holds the runs", re.DOTALL)


def test_the_features_figures_are_measured():
    results = json.loads((PROJECT / "docs" / "benchmarks.json").read_text())
    [(day, said)] = PARAGRAPH.findall((PROJECT / "README.md").read_text())
    measured = {item["name"]: f"{item['value']:g}" for item in results["rows"]}
    peers = ("applyInPandas (100 features)", "TA-Lib loop (84 features)", "polars (86 features)")
    rows = [*(f"features, 500 symbols: work over that of {peer}" for peer in peers)]
    rows.append("features, 5,000 symbols: one month, work over that of all ten years")
    assert re.findall(r"\d+\.\d+", said) == [measured[name] for name in rows]
    assert results["machine"]["date"].startswith(day)
