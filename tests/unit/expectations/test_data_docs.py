"""The Data Docs can be read without a network and do not grow."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from expectations.check import CheckRequest, check_bars
from expectations.data_docs import FOLDER
from expectations.rules import rule_names
from expectations.stored import SUITES
from include.lake import Lake

Land = Callable[..., None]
Request = Callable[..., CheckRequest]
Bar = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.usefixtures("few_bars_will_do")


class Links(HTMLParser):
    """Everything that a page points at."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found |= {value or "" for name, value in attrs if name in {"href", "src"}}


def test_pages_tell_what_was_refused_and_load_nothing(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("^VIX", [bar("2018-02-08", open=41.6, high=13.61), *(bar(f"2018-03-{day:02d}", close=-1.0) for day in range(1, 29))])
    summary = check_bars(lake, request_for("^VIX", "AAPL"), run="run")
    assert lake.exists(summary.docs)
    pages = {name: lake.read(f"{FOLDER}/{name}").decode() for name in lake.files(FOLDER)}
    assert set(pages) == {"index.html", "rules.html", "check-csv-1d.html"}
    for name, page in pages.items():
        links = Links()
        links.feed(page)
        assert not links.tags & {"script", "img", "link", "iframe"}, name
        assert {link.partition("#")[0] for link in links.found if not link.startswith("#")} <= {*pages, "../index.html"}, name
        assert lake.exists("reports/index.html")
        assert not re.search(r"url\(|@import", page), name
    told = pages["check-csv-1d.html"]
    assert "0 rows kept + 29 refused = 29 fetched" in told
    assert "high 13.61 is below open 41.6" in told
    assert told.count('<td><a href="rules.html#close_positive">close_positive</a></td>') == 21  # twenty rows, and the rule's own line
    assert "The close is not a positive number." in told
    assert '<b class="found">28 of 29</b>' in told
    assert all(f"<code>{rule}</code>" in pages["rules.html"] for rule in ("fetched", "one_price_scale", "close_present"))
    assert {f'id="{rule}"' in pages["rules.html"] for make in SUITES.values() for rule in rule_names(make())} == {True}
    words = " ".join(re.sub(r"<[^>]*>", "", told).split())
    assert "Values in high must always be greater than or equal to those in open. 1 unexpected values found." in words
    assert "values must never be null. 100% not null" in words


def test_checking_again_adds_no_page_and_no_size(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02"), bar("2018-01-03", open=13.0)])

    def sizes() -> dict[str, int]:
        return {name: len(lake.read(f"{FOLDER}/{name}")) for name in lake.files(FOLDER)}

    check_bars(lake, request_for("AAPL"), run="run1")
    before = sizes()
    check_bars(lake, request_for("AAPL"), run="run2")
    assert sizes() == before


def test_what_could_not_be_fetched_stands_there_too(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02")])
    check_bars(lake, replace(request_for("AAPL"), not_fetched={"AMD": "AMD.csv, line 1: column <close> is missing"}), run="run")
    told = lake.read(f"{FOLDER}/check-csv-1d.html").decode()
    assert "could not be fetched, or not whole" in told
    assert "<td>AMD</td><td>AMD.csv, line 1: column &lt;close&gt; is missing</td>" in told
