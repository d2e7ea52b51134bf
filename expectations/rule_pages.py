"""Rules and what came of them as tables for people, each with what Great Expectations itself renders of them below."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

from expectations.rules import Action, actions, rule_names
from include.rule_words import BESIDE, SUITES

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

    from expectations.suite_run import SuiteRun

RULES = "rules.html"

_DOES = {
    Action.REJECT_ROW: "the row is refused: it goes to quarantine",
    Action.HOLD_SYMBOL: "the symbol is held back",
    Action.FAIL_RUN: "the run fails",
    Action.WARN: "kept, with a warning",
}
_BESIDE = {
    "fetched": "the months that could not be had are held back",
    "one_price_scale": _DOES[Action.HOLD_SYMBOL],
    "released": _DOES[Action.WARN],
}
_RULES_LINK = re.compile(r"(\.\./)+expectations/\w+\.html")
_BODY = re.compile(r"<body.*?>(.*)</body>", re.DOTALL)
_CUT = re.compile(r"<script.*?</script>|<footer.*?</footer>|<nav.*?</nav>|<img.*?>|<link.*?>|<label.*?</label>", re.DOTALL)
_ACTIONS = re.compile(r'<div class="card mb-3">.*?(?=<div class="card d-md-block)', re.DOTALL)
_IDS = re.compile(r'\sid="[^"]*"')


def results(run: SuiteRun) -> str:
    """What came of one suite: a line a rule, what broke one first."""
    from great_expectations.render.renderer import page_renderer

    result = run.result()
    does = actions(run.suite)
    counts = {outcome.expectation_config.meta["rule"]: outcome.result for outcome in result.results if outcome.expectation_config}
    lines = "".join(
        _row(
            rule_link(rule),
            escape(_words(run.suite.name, rule)),
            _share(counts[rule]),
            _DOES[does[rule]] if counts[rule]["unexpected_count"] else "",
        )
        for rule in sorted(counts, key=lambda rule: -counts[rule]["unexpected_count"])
    )
    header = "<tr><th>rule</th><th>what it looks for</th><th>found</th><th>what happens then</th></tr>"
    checked = max((count["element_count"] for count in counts.values()), default=0)
    renderer: Any = page_renderer.ValidationResultsPageRenderer()
    return (
        f"<h2>{escape(_title(run.suite.name))}</h2><p>{checked:,} checked. What breaks several rules counts at each. "
        f'<a href="{RULES}#{run.suite.name}">These rules</a></p>'
        f'<div class="wide"><table>{header}{lines}</table></div>{_rendered(renderer.render(result))}'
    )


@lru_cache(maxsize=1)
def rules() -> str:
    """All rules of all suites; it is the same for each check."""
    from expectations.stored import SUITES as MAKERS

    suites = [MAKERS[name]() for name in SUITES]
    contents = "".join(f'<li><a href="#{suite.name}">{escape(_title(suite.name))}</a></li>' for suite in suites)
    held = "".join(
        f'<tr id="{rule}"><td><code>{rule}</code></td><td>{escape(words)}</td><td>{_BESIDE[rule]}</td></tr>'
        for rule, words in BESIDE.items()
    )
    header = "<tr><th>rule</th><th>what it looks for</th><th>what happens then</th></tr>"
    beside = f'<h2 id="beside">Rules without a suite</h2><div class="wide"><table>{header}{held}</table></div>'
    contents += '<li><a href="#beside">Rules without a suite</a></li>'
    return f"<ul>{contents}</ul>" + "".join(_rules_of(suite) for suite in suites) + beside


def rule_link(rule: str) -> str:
    """A rule's name as a link to what it says."""
    return f'<a href="{RULES}#{escape(rule)}">{escape(rule)}</a>'


def _rules_of(suite: ExpectationSuite) -> str:
    from great_expectations.render.renderer import page_renderer

    does = actions(suite)
    lines = "".join(
        f'<tr id="{rule}"><td><code>{rule}</code></td><td>{escape(_words(suite.name, rule))}</td><td>{_DOES[does[rule]]}</td></tr>'
        for rule in rule_names(suite)
    )
    header = "<tr><th>rule</th><th>what it looks for</th><th>what happens then</th></tr>"
    renderer: Any = page_renderer.ExpectationSuitePageRenderer()
    return (
        f'<h2 id="{suite.name}">{escape(_title(suite.name))}</h2><div class="wide"><table>{header}{lines}</table></div>'
        f"{_rendered(renderer.render(suite))}"
    )


def _title(suite: str) -> str:
    return SUITES[suite][0]


def _words(suite: str, rule: str) -> str:
    return SUITES[suite][1][rule]


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _share(count: dict[str, Any]) -> str:
    found, rows = count["unexpected_count"], count["element_count"]
    return f'<b class="found">{found:,} of {rows:,}</b>' if found else '<span class="none">none</span>'


@lru_cache(maxsize=1)
def _view() -> Any:
    """One view of this process: each compiles the library's templates anew."""
    from great_expectations.render.view import view

    return view.DefaultJinjaPageView()


def _rendered(document: Any) -> str:
    """What the library makes of it, without what its pages load from elsewhere."""
    page = _view().render(document)
    found = _BODY.search(page)
    kept = _IDS.sub("", _CUT.sub("", _ACTIONS.sub("", found.group(1) if found else page)))
    return f"<details><summary>As Great Expectations writes it</summary>{_RULES_LINK.sub(RULES, kept)}</details>"
