from __future__ import annotations

from types import SimpleNamespace

import pytest

from include.settings import settings
from marketmill.events import chosen


@pytest.fixture(autouse=True)
def of_the_settings(monkeypatch):
    monkeypatch.setenv("UNIVERSE", "global26")
    settings.cache_clear()
    yield
    settings.cache_clear()


def run(*extras, **params):
    return {"params": params, "triggering_asset_events": {"asset": [SimpleNamespace(extra=extra) for extra in extras]}}


def test_the_form_wins():
    assert chosen(run({"universe": "crypto"}, universe="core5"), "universe") == "core5"


def test_what_all_events_agree_on_comes_next():
    assert chosen(run({"universe": "crypto"}, {"universe": "crypto"}, universe=None), "universe") == "crypto"


@pytest.mark.parametrize("extras", [[], [{}], [None], [{"universe": "crypto"}, {"universe": "core5"}], [{"universe": "crypto"}, {}]])
def test_else_the_settings(extras):
    assert chosen(run(*extras), "universe") == "global26"
    assert chosen({}, "universe") == "global26"


def test_a_source_is_a_plain_word():
    assert chosen({}, "source") == "sample"
    assert type(chosen({}, "source")) is str
