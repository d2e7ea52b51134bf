from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from include.errors import ConfigurationError
from marketmill.months import changed_months, target_months


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def event(months):
    return SimpleNamespace(extra={"months": months})


INTERVAL = {"data_interval_start": at("2018-05-01"), "data_interval_end": at("2018-06-01")}


def test_the_months_of_all_events_win():
    events = {"a": [event(["2018-03", "2018-01"]), event(["2018-03"])], "b": [event(["2017-12"])]}
    context = {"triggering_asset_events": events, "params": {"months": ["2001-01"]}, **INTERVAL}
    assert changed_months(context) == ["2017-12", "2018-01", "2018-03"]
    assert target_months(context) == ["2017-12", "2018-01", "2018-03"]


def test_the_param_stands_in_where_there_are_no_events():
    context = {"triggering_asset_events": {}, "params": {"months": ["2018-02", "2018-01", "2018-02"]}, **INTERVAL}
    assert target_months(context) == ["2018-01", "2018-02"]


def test_an_event_without_months_names_none():
    context = {"triggering_asset_events": {"a": [SimpleNamespace(extra=None)]}, "params": {}}
    assert changed_months(context) is None


def test_the_data_interval_is_the_month():
    assert target_months({"params": {"months": []}, **INTERVAL}) == ["2018-05"]


def test_an_interval_of_several_months():
    assert target_months({"data_interval_start": at("2018-05-01"), "data_interval_end": at("2018-07-01")}) == ["2018-05", "2018-06"]


def test_an_empty_interval_is_the_month_it_lies_in():
    assert target_months({"data_interval_start": at("2018-05-01"), "data_interval_end": at("2018-05-01")}) == ["2018-05"]


def test_a_run_without_a_date_is_about_the_month_that_had_ended():
    run = SimpleNamespace(run_after=at("2018-01-03"))
    assert target_months({"data_interval_start": None, "data_interval_end": None, "dag_run": run}) == ["2017-12"]


@pytest.mark.parametrize("month", ["2018-13", "2018", "../x", None, 3])
def test_what_is_no_month_is_refused(month):
    with pytest.raises(ConfigurationError, match="is not of the form YYYY-MM"):
        target_months({"params": {"months": [month]}})
