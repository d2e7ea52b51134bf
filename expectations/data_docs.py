"""Data Docs: what Great Expectations renders of the rules and the last check of each source, as pages that need nothing else.

The renderer's own pages load styles, scripts and a logo from other hosts; here they are cut out, so that the pages can be read
without a network and tell nobody that they are read. One page per source and timeframe is kept, the newest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

from include.lake import Lake
from include.report_index import write_index

if TYPE_CHECKING:
    from expectations.request import CheckSummary
    from expectations.suite_run import SuiteRun

FOLDER = "reports/data_docs"

_RULES_LINK = re.compile(r"(\.\./)+expectations/\w+\.html")
_BODY = re.compile(r"<body.*?>(.*)</body>", re.DOTALL)
_CUT = re.compile(r"<script.*?</script>|<footer.*?</footer>|<nav.*?</nav>|<img.*?>|<link.*?>|<label.*?</label>", re.DOTALL)
_ACTIONS = re.compile(r'<div class="card mb-3">.*?(?=<div class="card d-md-block)', re.DOTALL)
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 1rem auto; padding: 0 1rem; }
table { border-collapse: collapse; }
.wide, .table-responsive { overflow-x: auto; }
th, td { border: 1px solid #8886; padding: .25rem .5rem; text-align: left; vertical-align: top; }
td.number { text-align: right; }
.alert { border-bottom: 2px solid #8886; margin-top: 1.5rem; }
.fa-times::before { content: "\\2717"; color: #c33; font-weight: bold; font-style: normal; }
.fa-check-circle::before { content: "\\2713"; color: #283; font-weight: bold; font-style: normal; }
.cooltip .top { display: none; }
.card { display: none; }
"""


def write_docs(
    lake: Lake, suites: Sequence[SuiteRun], summary: CheckSummary, refused: list[dict[str, Any]], flagged: list[dict[str, Any]]
) -> None:
    """Write the pages of this check and the index over all checks below :data:`FOLDER`.

    ``refused`` and ``flagged`` are rows to show: symbol, timestamp, rule, reason.
    """
    heading = f"Bars of {summary.source}, {summary.timeframe}"
    told = _counts(summary) + _coverage(summary) + _refused(refused) + _flagged(flagged)
    _write(lake, f"{summary.source}-{summary.timeframe}", heading, told, suites)


def write_check(lake: Lake, name: str, heading: str, suites: Sequence[SuiteRun], broken: list[dict[str, Any]]) -> None:
    """Write the page of a check of something else than bars; ``broken`` are rows to show: symbol, month, rule, reason."""
    told = f"<p>Checked {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</p>"
    told += f"<h2>What breaks a rule (the first of each)</h2>{_listed(broken)}" if broken else "<p>No rule is broken.</p>"
    _write(lake, name, heading, told, suites)


def _write(lake: Lake, name: str, heading: str, told: str, suites: Sequence[SuiteRun]) -> None:
    results = "".join(_results(suite) for suite in suites)
    write_index(lake)
    with lake.lock(FOLDER):
        lake.write(f"{FOLDER}/rules.html", _rules())
        lake.write(f"{FOLDER}/check-{name}.html", _page(heading, told + results))
        lake.write(f"{FOLDER}/index.html", _page("Data Docs: the newest checks", _links(lake)))


@lru_cache(maxsize=1)
def _rules() -> bytes:
    """The page of all rules; it is the same for each check."""
    from great_expectations.render.renderer import page_renderer

    from expectations.stored import SUITES

    renderer: Any = page_renderer.ExpectationSuitePageRenderer()
    return _page("The rules", "".join(_contents(_view().render(renderer.render(make()))) for make in SUITES.values()))


def _results(suite: SuiteRun) -> str:
    from great_expectations.render.renderer import page_renderer

    renderer: Any = page_renderer.ValidationResultsPageRenderer()
    return _contents(_view().render(renderer.render(suite.result())))


@lru_cache(maxsize=1)
def _view() -> Any:
    """One view of this process: each compiles the library's templates anew."""
    from great_expectations.render.view import view

    return view.DefaultJinjaPageView()


def _contents(page: str) -> str:
    found = _BODY.search(page)
    kept = _CUT.sub("", _ACTIONS.sub("", found.group(1) if found else page))
    return _RULES_LINK.sub("rules.html", kept)


def _counts(summary: CheckSummary) -> str:
    total = summary.total()
    header = "".join(f"<th>{name}</th>" for name in ("symbol", "landed", "superseded", "fetched", "kept", "quarantined"))
    lines = [
        f"<tr><td>{escape(symbol)}</td>"
        + "".join(f'<td class="number">{number}</td>' for number in (of.landed, of.superseded, of.fetched, of.kept, of.quarantined))
        + "</tr>"
        for symbol, of in [*summary.symbols.items(), ("all", total)]
    ]
    span = f"{summary.months[0]} to {summary.months[-1]}" if summary.months else "no month"
    return (
        f"<p>Run {escape(summary.run)}, checked {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {span}. "
        f"{total.kept} rows kept + {total.quarantined} quarantined = {total.fetched} fetched. "
        "A superseded row was replaced by a later answer of the source.</p>"
        f'<div class="wide"><table><tr>{header}</tr>{"".join(lines)}</table></div>'
    )


def _coverage(summary: CheckSummary) -> str:
    lines = "".join(
        f'<tr><td>{escape(symbol)}</td><td class="number">{of.expected}</td><td class="number">{of.missing}</td>'
        f"<td>{escape(of.gaps)}</td><td>{escape(of.outages)}</td><td>{escape(summary.held.get(symbol, ''))}</td></tr>"
        for symbol, of in summary.coverage.items()
    )
    header = "".join(f"<th>{name}</th>" for name in ("symbol", "expected", "missing", "gaps", "known outages", "held back because"))
    return f'<h2>Completeness</h2><div class="wide"><table><tr>{header}</tr>{lines}</table></div>'


def _refused(rows: list[dict[str, Any]]) -> str:
    return f"<h2>Refused rows (the first of each rule)</h2>{_listed(rows)}" if rows else "<p>No row was refused.</p>"


def _flagged(rows: list[dict[str, Any]]) -> str:
    return f"<h2>Kept rows with a warning (the first of each rule)</h2>{_listed(rows)}" if rows else "<p>No row carries a warning.</p>"


def _listed(rows: list[dict[str, Any]]) -> str:
    lines = "".join(
        f"<tr><td>{escape(row['symbol'])}</td><td>{_when(row)}</td><td>{escape(row['rule'])}</td><td>{escape(row['reason'])}</td></tr>"
        for row in sorted(rows, key=lambda row: (row["symbol"], _when(row), row["rule"]))
    )
    header = "<tr><th>symbol</th><th>time (UTC)</th><th>rule</th><th>reason</th></tr>"
    return f'<div class="wide"><table>{header}{lines}</table></div>'


def _when(row: dict[str, Any]) -> str:
    return str(row["month"]) if "month" in row else f"{row['timestamp']:%Y-%m-%d %H:%M}"


def _links(lake: Lake) -> str:
    checks = [name for name in lake.files(FOLDER) if name.startswith("check-") and name.endswith(".html")]
    items = "".join(f'<li><a href="{escape(name)}">{escape(name.removeprefix("check-").removesuffix(".html"))}</a></li>' for name in checks)
    told = "The newest check of the bars of each source and size, and of the features:"
    return f'<p>{told}</p><ul>{items}</ul><p><a href="rules.html">The rules</a></p>'


def _page(title: str, body: str) -> bytes:
    home = "" if title.startswith("Data Docs") else '<p><a href="index.html">All checks</a></p>'
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{home}<h1>{escape(title)}</h1>{body}</body></html>"
    ).encode()
