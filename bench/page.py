"""The results as files for people and programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_HEAD = """\
# Benchmarks

<!-- Made by `make bench`; run it to renew the page. -->

Measured on {date} with {cores} cores ({processor}), {memory} GB of memory, {system}, Python {python}, {java}; load before the start \
{load}. Versions: {versions}.{quick}

Ratios are made in one run on one machine, contestants in turn, and are the median of the rounds; below 1 the project is faster.
Seconds and memory are those of this machine. *Work* begins when a program has started up and imported what it needs. Memory is the
peak of the proportional set sizes of all processes of a program. Every peer reads the same Parquet bars and writes as many features as
it has names for; how many stands beside its name. A goal that is not met is listed like the others.

"""


def write_results(folder: Path, rows: Sequence[Mapping[str, Any]], machine: Mapping[str, Any], *, quick: bool) -> None:
    """Write ``benchmarks.json`` and ``benchmarks.md`` into a folder."""
    results = {"machine": dict(machine), "quick": quick, "rows": list(rows)}
    (folder / "benchmarks.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    said = " A quick run: without the largest sizes." if quick else ""
    page = _HEAD.format(**{**machine, "versions": versions, "quick": said}) + table(rows) + "\n"
    (folder / "benchmarks.md").write_text(page, encoding="utf-8")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table."""
    lines = ["| what | measured | goal | |", "|---|---:|---|---|"]
    for item in rows:
        verdict = "" if item["met"] is None else "met" if item["met"] else "**not met**"
        lines.append(f"| {item['name']} | {item['value']:g} {item['unit']} | {item['goal'] or ''} | {verdict} |")
    return "\n".join(lines)
