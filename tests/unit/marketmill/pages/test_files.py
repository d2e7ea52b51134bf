"""Which files may be shown; tests/system/test_api.py asks a real server for the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.lake import Lake
from marketmill.pages.files import read_report_file


@pytest.fixture
def reports(lake: Lake) -> Lake:
    lake.write("secret.html", b"secret")
    lake.write("reports/one/index.html", b"<h1>one</h1>")
    lake.write("reports/one/forecast.csv", b"a,b\n")
    lake.write("reports/one/key.pem", b"secret")
    return lake


def test_files_of_a_report(reports):
    assert read_report_file(reports, "one/index.html") == (b"<h1>one</h1>", "text/html; charset=utf-8")
    assert read_report_file(reports, "one/forecast.csv") == (b"a,b\n", "text/csv; charset=utf-8")


@pytest.mark.parametrize(
    "path",
    ["", "one", "one/", "one/none.html", "one/key.pem", "../secret.html", "one/../../secret.html", "/one/index.html", "one\\index.html",
     "one/index.html\0", "one//index.html", "./one/index.html", ".one/index.html", "one/index.html/index.html", "one /index.html"],
)  # fmt: skip
def test_what_is_none(reports, path):
    assert read_report_file(reports, path) is None


def test_a_link_that_leads_out(reports):
    Path(reports.root, "reports/one/link.html").symlink_to("../../secret.html")
    Path(reports.root, "reports/out").symlink_to(reports.root)
    Path(reports.root, "reports/one/circle.html").symlink_to("circle.html")
    for path in ("one/link.html", "out/secret.html", "one/circle.html"):
        assert read_report_file(reports, path) is None


def test_a_link_that_stays_inside(reports):
    Path(reports.root, "reports/newest").symlink_to("one")
    assert read_report_file(reports, "newest/index.html") == (b"<h1>one</h1>", "text/html; charset=utf-8")
