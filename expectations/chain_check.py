"""Check option chains after they landed: count the quotes that cannot be traded on, and write their Data Docs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from expectations.data_docs import write_check
from expectations.option_chains import flag_quotes, option_chain_suite
from expectations.suite_run import SuiteRun
from include.lake import Lake
from include.option_chains import list_chains, read_chain

_SHOWN = 20


@dataclass
class ChainSummary:
    """Options checked, and how many of them carry each warning."""

    options: int = 0
    flags: Counter[str] = field(default_factory=Counter)
    told: list[dict[str, Any]] = field(default_factory=list)


def check_chains(lake: Lake, source: str, symbols: Iterable[str], since: datetime) -> ChainSummary:
    """Check the chains of ``symbols`` that were fetched at ``since`` (UTC) or later.

    Raises
    ------
    LakeError
        If a chain is damaged, or a rule could not be evaluated.
    """
    run, summary = SuiteRun(option_chain_suite()), ChainSummary()
    for symbol in symbols:
        for chain in list_chains(lake, source, symbol, since):
            rows = read_chain(lake, chain)
            summary.options += rows.num_rows
            for position, flags in enumerate(flag_quotes(run, rows)):
                for flag in flags.split(",") if flags else []:
                    summary.flags[flag] += 1
                    if summary.flags[flag] <= _SHOWN:
                        (row,) = rows.slice(position, 1).to_pylist()
                        reason = f"{chain.expiry} {row['right']} {row['strike']:g}: bid {row['bid']}, ask {row['ask']}, last {row['last']}"
                        summary.told.append({"symbol": symbol, "timestamp": chain.fetched_at, "rule": flag, "reason": reason})
    write_check(lake, f"{source}-option_chains", f"Option chains of {source}", [run], summary.told)
    return summary
