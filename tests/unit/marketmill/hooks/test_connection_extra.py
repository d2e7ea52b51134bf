"""Whatever stands in the extra of a connection, its reader takes it or says in one sentence what is wrong."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import Connection

from include.errors import ConfigurationError
from marketmill.hooks.binance_connection import BULK, read_access
from marketmill.hooks.ibkr_connection import read_gateway

READERS = {
    ("binance", "use_bulk"): read_access,
    ("binance", "bulk_url"): read_access,
    ("ibkr", "client_id"): read_gateway,
    ("ibkr", "timeout"): read_gateway,
}
NOTHING = ["", None]
HOSTILE = [[1], {"a": 1}, [[]], "x", " x ", -1, 10**400, 1e999, "\0", "nan"]


def connection(kind, extra):
    return Connection(conn_id=f"{kind}_default", conn_type=kind, extra=extra)


@pytest.mark.parametrize(("kind", "field"), READERS)
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:12])
def test_a_value_of_any_kind_is_named_by_its_field(kind, field, value):
    names = {"bulk_url": "bulk files"}
    with pytest.raises(ConfigurationError, match=names.get(field, field)) as caught:
        READERS[kind, field](connection(kind, json.dumps({field: value})))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("kind", "field"), READERS)
@pytest.mark.parametrize("value", NOTHING)
def test_nothing_is_the_default(kind, field, value):
    reader = READERS[kind, field]
    assert reader(connection(kind, json.dumps({field: value}))) == reader(connection(kind, None))


@pytest.mark.parametrize("value", [[], {}, 0, 1, "true"])
def test_use_bulk_is_a_boolean_and_nothing_like_one(value):
    with pytest.raises(ConfigurationError, match="use_bulk of the Binance connection is neither true nor false"):
        read_access(connection("binance", json.dumps({"use_bulk": value})))
    assert read_access(connection("binance", '{"use_bulk": true}')).bulk == BULK


@pytest.mark.parametrize("field", ["client_id", "timeout"])
@pytest.mark.parametrize("value", [True, False, [], {}])
def test_a_number_is_a_number_and_nothing_like_one(field, value):
    with pytest.raises(ConfigurationError, match=f"{field} of the IBKR connection is no number"):
        read_gateway(connection("ibkr", json.dumps({field: value})))


@pytest.mark.parametrize("reader", [read_access, read_gateway])
@pytest.mark.parametrize("extra", ["[]", "[1]", "5", "null", '"x"', "not json; secret", "{", "[" * 100_000])
def test_an_extra_that_is_no_object_is_not_taken_for_an_empty_one(reader, extra):
    with pytest.raises(ConfigurationError, match=r"extra of the (Binance|IBKR) connection is no JSON object") as caught:
        reader(connection("any", extra))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("kind", "known"), [("binance", "use_bulk, bulk_url"), ("ibkr", "client_id, timeout")])
def test_a_misspelt_field_is_refused_without_being_shown(kind, known):
    with pytest.raises(ConfigurationError, match=f"a field that is none of {known}") as caught:
        READERS[kind, known.split(", ")[0]](connection(kind, '{"clientid": "secret"}'))
    assert "secret" not in str(caught.value)
