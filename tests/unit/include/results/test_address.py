"""Addresses are read, and never shown with their password."""

import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ConfigurationError
from include.results.address import parse_address
from include.results.engine import open_engine

PROJECT = Path("/project")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_postgresql_is_reached_through_psycopg2(scheme: str) -> None:
    address = parse_address(f" {scheme}://user:p%40ss@db:5432/alevor?sslmode=require\n", PROJECT)
    assert address.url.drivername == "postgresql+psycopg2"
    assert (address.url.password, address.url.host, address.url.port, address.url.database) == ("p@ss", "db", 5432, "alevor")
    assert address.options == {"sslmode": "require"}
    assert address.shown == "postgresql://user:***@db:5432/alevor"


def test_a_relative_file_lies_below_the_project() -> None:
    assert parse_address("sqlite:///results.db", PROJECT).url.database == "/project/results.db"
    assert parse_address("sqlite:////else/where.db", PROJECT).url.database == "/else/where.db"


@pytest.mark.parametrize("text", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_a_database_that_processes_cannot_share_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"one file that all processes share; set RESULTS_URL"):
        parse_address(text, PROJECT)


@pytest.mark.parametrize(
    "text",
    ["mysql://u:SECRET@h/d", "postgresql+asyncpg://u:SECRET@h/d", "SECRET", "postgresql://u:SECRET@h:SECRET/d", "postgresql://u:SECRET@h/"],
)
def test_what_cannot_be_used_is_one_sentence_without_the_secret(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"set RESULTS_URL") as caught:
        parse_address(text, PROJECT)
    assert "SECRET" not in "".join(traceback.format_exception_only(caught.value))
    # The parser's own error, which quotes it, is not shown with a traceback either.
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@given(st.text(alphabet="S@:/?#[]%&= ", min_size=1, max_size=12))
def test_a_password_is_never_shown_whatever_it_holds(middle: str) -> None:
    password = f"ONE{middle}TWO"
    try:
        address = parse_address(f"postgresql://user:{password}@host:5432/db?sslpassword=THREE&password=FOUR", PROJECT)
    except ConfigurationError as error:
        seen = str(error)
    else:
        engine = open_engine(address)
        seen = f"{address!r} {address.shown} {engine!r} {engine.url}"
    for secret in ("TWO", "THREE", "FOUR"):
        assert secret not in seen
