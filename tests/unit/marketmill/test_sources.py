from __future__ import annotations

import pytest

from include.errors import ConfigurationError
from include.settings import settings
from include.sources import SourceName
from marketmill.sources import open_source, parse_source


@pytest.fixture(autouse=True)
def fresh_settings():
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_no_name_is_the_source_of_the_settings(monkeypatch):
    monkeypatch.setenv("SOURCE", "csv")
    assert parse_source(None) is SourceName.CSV


def test_yfinance_is_another_word_for_yahoo():
    assert parse_source("yfinance") is SourceName.YAHOO


def test_an_unknown_source():
    with pytest.raises(ConfigurationError, match="source 'bloomberg' is unknown; use one of sample, csv"):
        parse_source("bloomberg")


def test_each_hook_says_which_source_it_is(tmp_path):
    assert open_source(SourceName.SAMPLE).source is SourceName.SAMPLE
    assert open_source(SourceName.CSV, csv_folder=str(tmp_path)).source is SourceName.CSV
