"""Run every bench module and write docs/benchmarks.*; ``--quick`` leaves out the largest sizes, ``--renew`` the rows of other modules.

A bench module is a file of this package with ``rows(quick: bool) -> list[dict]``; see :func:`bench.row.row`.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Callable
from typing import Any

import bench
from bench.machine import describe
from bench.measure import BenchError
from bench.page import renew_results, table, write_results
from include.errors import MarketmillError
from include.settings import PROJECT

Rows = Callable[[bool], list[dict[str, Any]]]


def main() -> int:
    """Measure, print, write; 1 when a module could not measure."""
    parser = _options()
    options = parser.parse_args()
    if options.renew and (options.quick or not options.only):
        parser.error("--renew wants the names of modules, and their whole sizes")
    modules = find_modules()
    if unknown := set(options.only) - set(modules):
        print(f"bench: no module {', '.join(sorted(unknown))}; there are {', '.join(modules)}", file=sys.stderr)
        return 2
    machine, found = describe(), []
    for name, rows in modules.items():
        if options.only and name not in options.only:
            continue
        print(f"bench: {name}", flush=True)
        try:
            found += rows(options.quick)
        except (BenchError, MarketmillError) as error:
            print(f"bench: {name} could not be measured: {error}", file=sys.stderr)
            return 1
    print(table(found))
    if options.renew:
        renew_results(PROJECT / "docs", found, machine, f"python -m bench {' '.join(options.only)} --renew")
    elif not options.only:
        write_results(PROJECT / "docs", found, machine, quick=options.quick)
    if options.renew or not options.only:
        print("bench: written to docs/benchmarks.md and docs/benchmarks.json")
    return 0


def find_modules() -> dict[str, Rows]:
    """What there is to measure, by name of its module."""
    found = {}
    for item in pkgutil.iter_modules(bench.__path__):
        if item.ispkg or item.name.startswith("__"):
            continue
        module = importlib.import_module(f"bench.{item.name}")
        if hasattr(module, "rows"):
            found[item.name] = module.rows
    return found


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="leave out the largest sizes")
    parser.add_argument("only", nargs="*", help="modules to run; then nothing is written, but with --renew")
    parser.add_argument("--renew", action="store_true", help="put the rows of the modules into the page, with the time beside them")
    return parser


if __name__ == "__main__":
    sys.exit(main())
