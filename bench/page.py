"""The results as files for people and programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.scale import cost_curve

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

_NOTES = """
## Where the time of the features goes
Measured apart, in one process, 500 symbols by ten years (1.26 million rows, 104 features), processor seconds of 5.8: the formulas 1.9,
Parquet 1.6 (10 microseconds for each column of a file, 7 to 9 nanoseconds for each value, of which every writer of such files pays the
most), reading the bars and dealing them out to buckets 0.7, hashes and files 0.7, breadth's pass over all symbols 0.3. The rest of the
job's *work* is Spark's: three rounds of tasks, and the end of its processes.

Read and write, the floor, computes nothing, and leaves what it wrote in the memory of the system. The job makes each file safe on the
disk before a manifest names it, and keeps the hash of its content; it also computes the 18 to 26 features that the peers lack.

A new month goes on from what the run before left (docs/adr/0009): it reads two months of bars instead of all. Most of what is then left
is the overhead of calling small kernels (295 bars of a symbol take a quarter of what 2,520 take), and the start and end of Spark.
"""


def write_results(folder: Path, rows: Sequence[Mapping[str, Any]], machine: Mapping[str, Any], *, quick: bool) -> None:
    """Write ``benchmarks.json`` and ``benchmarks.md`` into a folder."""
    _write(folder, {"machine": dict(machine), "quick": quick, "rows": list(rows), "renewed": []})


def renew_results(folder: Path, rows: Sequence[Mapping[str, Any]], machine: Mapping[str, Any], command: str) -> None:
    """Put rows that were measured by themselves in the place of those of the same name, and say so beside the table."""
    results = json.loads((folder / "benchmarks.json").read_text(encoding="utf-8"))
    names = [item["name"] for item in rows]
    results["rows"] = [item for item in results["rows"] if item["name"] not in names] + list(rows)
    others = [part for part in results.get("renewed", []) if part["command"] != command]
    results["renewed"] = [*others, {"command": command, "rows": names, "date": machine["date"], "load": machine["load"]}]
    _write(folder, results)


def _write(folder: Path, results: Mapping[str, Any]) -> None:
    machine, rows = results["machine"], results["rows"]
    (folder / "benchmarks.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    said = " A quick run: without the largest sizes." if results["quick"] else ""
    apart = "".join(
        f"\nMeasured by themselves on {part['date']}, load before the start {part['load']}, by `{part['command']}`: the "
        f"{len(part['rows'])} rows from *{part['rows'][0]}* to *{part['rows'][-1]}*.\n"
        for part in results["renewed"]
    )
    page = _HEAD.format(**{**machine, "versions": versions, "quick": said}) + table(rows) + "\n" + apart + cost_curve(rows) + _NOTES
    (folder / "benchmarks.md").write_text(page, encoding="utf-8")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table."""
    lines = ["| what | measured | goal | |", "|---|---:|---|---|"]
    for item in rows:
        verdict = "" if item["met"] is None else "met" if item["met"] else "**not met**"
        lines.append(f"| {item['name']} | {item['value']:g} {item['unit']} | {item['goal'] or ''} | {verdict} |")
    return "\n".join(lines)
