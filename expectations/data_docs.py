"""Data Docs: what Great Expectations renders of the rules and the last check of each source, as pages that need nothing else.

The renderer's own pages load styles, scripts and a logo from other hosts; here they are cut out, so that the pages can be read
without a network and tell nobody that they are read. One page per source and timeframe is kept, the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from expectations.rule_pages import RULES, results, rule_link, rules
from include.lake import Lake
from include.report_index import write_index

if TYPE_CHECKING:
    from expectations.request import CheckSummary, SymbolCoverage
    from expectations.suite_run import SuiteRun

FOLDER = "reports/data_docs"

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 1rem auto; padding: 0 1rem; }
table { border-collapse: collapse; }
.wide, .table-responsive { overflow-x: auto; }
th, td { border: 1px solid #8886; padding: .25rem .5rem; text-align: left; vertical-align: top; }
td.number { text-align: right; }
.alert { border-bottom: 2px solid #8886; margin-top: 1.5rem; }
.fa-times::before { content: "\\2717"; color: #c33; font-weight: bold; font-style: normal; }
.fa-check-circle::before { content: "\\2713"; color: #283; font-weight: bold; font-style: normal; }
.cooltip .top, .card { display: none; }
.found { color: #c33; }
.none { color: #283; }
td.text { min-width: 16rem; }
summary { cursor: pointer; margin: .6rem 0; opacity: .75; }
details { margin-bottom: 1.5rem; }
tr:target { background: #fd08; }
"""


_FIRST = "<p>They lie in the quarantine. A row that breaks several rules stands under the first of them alone; its reason tells all.</p>"


def write_docs(
    lake: Lake, suites: Sequence[SuiteRun], summary: CheckSummary, refused: list[dict[str, Any]], flagged: list[dict[str, Any]]
) -> None:
    """Write the pages of this check and the index over all checks below :data:`FOLDER`.

    ``refused`` and ``flagged`` are rows to show: symbol, timestamp, rule, reason.
    """
    found = "".join(results(suite) for suite in suites)
    body = _told(summary) + _held(summary) + found + _refused(refused) + _flagged(flagged) + _symbols(summary)
    _write(lake, f"{summary.source}-{summary.timeframe}", f"Bars of {summary.source}, {summary.timeframe}", body)


def write_check(lake: Lake, name: str, heading: str, suites: Sequence[SuiteRun], broken: list[dict[str, Any]]) -> None:
    """Write the page of a check of something else than bars; ``broken`` are rows to show: symbol, month, rule, reason."""
    told = f"<p>Checked {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</p>"
    told += f"<h2>What breaks a rule (the first of each)</h2>{_listed(broken)}" if broken else "<p>No rule is broken.</p>"
    _write(lake, name, heading, told + "".join(results(suite) for suite in suites))


def _write(lake: Lake, name: str, heading: str, body: str) -> None:
    write_index(lake)
    with lake.lock(FOLDER):
        lake.write(f"{FOLDER}/{RULES}", _page("The rules", rules()))
        lake.write(f"{FOLDER}/check-{name}.html", _page(heading, body))
        lake.write(f"{FOLDER}/index.html", _page("Data Docs: the newest checks", _links(lake)))


def _told(summary: CheckSummary) -> str:
    total = summary.total()
    span = f"{summary.months[0]} to {summary.months[-1]}" if summary.months else "no month"
    return (
        f"<p>Run {escape(summary.run)}, checked {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {span}. "
        f"{total.kept} rows kept + {total.quarantined} refused = {total.fetched} fetched.</p>"
    )


def _held(summary: CheckSummary) -> str:
    held = _why("Symbols that are held back", summary.held) or "<p>No symbol that was fetched is held back.</p>"
    return held + _why("Symbols that could not be fetched, or not whole", summary.not_fetched)


def _why(heading: str, reasons: dict[str, str]) -> str:
    lines = "".join(f"<tr><td>{escape(symbol)}</td><td>{escape(reason)}</td></tr>" for symbol, reason in reasons.items())
    return f'<h2>{heading}</h2><div class="wide"><table><tr><th>symbol</th><th>why</th></tr>{lines}</table></div>' if lines else ""


def _symbols(summary: CheckSummary) -> str:
    lines = "".join(
        f"<tr><td>{escape(symbol)}</td>"
        + "".join(f'<td class="number">{number}</td>' for number in (of.landed, of.superseded, of.fetched, of.kept, of.quarantined))
        + (_covered(summary.coverage[symbol]) if symbol in summary.coverage else "")
        + "</tr>"
        for symbol, of in [*summary.symbols.items(), ("all", summary.total())]
    )
    names = (
        "symbol",
        "landed",
        "superseded",
        "fetched",
        "kept",
        "refused",
        "expected",
        "missing",
        "no row came",
        "came and were refused",
        "known outages",
    )
    header = "".join(f"<th>{name}</th>" for name in names)
    return (
        "<h2>Rows and gaps by symbol</h2><p>A superseded row was replaced by a later answer of the source. Expected are the bars that the "
        f'exchange\'s calendar promises in the time asked for.</p><div class="wide"><table><tr>{header}</tr>{lines}</table></div>'
    )


def _covered(of: SymbolCoverage) -> str:
    numbers = f'<td class="number">{of.expected}</td><td class="number">{of.missing}</td>'
    return numbers + "".join(f'<td class="text">{escape(words)}</td>' for words in (of.gaps, of.refused_gaps, of.outages))


def _refused(rows: list[dict[str, Any]]) -> str:
    return f"<h2>Refused rows (the first of each rule)</h2>{_FIRST}{_listed(rows)}" if rows else "<p>No row was refused.</p>"


def _flagged(rows: list[dict[str, Any]]) -> str:
    return f"<h2>Kept rows with a warning (the first of each rule)</h2>{_listed(rows)}" if rows else "<p>No row carries a warning.</p>"


def _listed(rows: list[dict[str, Any]]) -> str:
    lines = "".join(
        f"<tr><td>{escape(row['symbol'])}</td><td>{_when(row)}</td><td>{rule_link(row['rule'])}</td><td>{escape(row['reason'])}</td></tr>"
        for row in sorted(rows, key=lambda row: (row["symbol"], _when(row), row["rule"]))
    )
    header = "<tr><th>symbol</th><th>time (UTC)</th><th>rule</th><th>reason</th></tr>"
    return f'<div class="wide"><table>{header}{lines}</table></div>'


def _when(row: dict[str, Any]) -> str:
    return str(row["month"]) if "month" in row else f"{row['timestamp']:%Y-%m-%d %H:%M}"


def _links(lake: Lake) -> str:
    checks = [name for name in lake.files(FOLDER) if name.startswith("check-") and name.endswith(".html")]
    items = "".join(f'<li><a href="{escape(name)}">{escape(_named(name))}</a></li>' for name in checks)
    return (
        "<p>Great Expectations checks bars, features and option chains by fixed rules. Here is what the newest check of each found.</p>"
        f'<ul>{items}</ul><p><a href="{RULES}">The rules</a>: what each looks for, and what happens where it is broken.</p>'
    )


def _named(page: str) -> str:
    """Name a check for people: ``csv-1d`` is of bars, ``features-1d`` of features, ``yahoo-option_chains`` of chains."""
    first, second = page.removeprefix("check-").removesuffix(".html").rsplit("-", 1)
    if first == "features":
        return f"Features of {second} bars"
    return f"Option chains of {first}" if second == "option_chains" else f"Bars of {first}, {second}"


def _page(title: str, body: str) -> bytes:
    there = '<a href="../index.html">All reports and quality pages</a>'
    home = there if title.startswith("Data Docs") else f'<a href="index.html">All checks</a> · <a href="{RULES}">The rules</a> · {there}'
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><p>{home}</p><h1>{escape(title)}</h1>{body}</body></html>"
    ).encode()
