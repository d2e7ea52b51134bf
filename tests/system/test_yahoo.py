"""Real Airflow against the Yahoo stand-in in a process of its own: bars into features, and option chains."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.landing import read_landed
from include.option_chains import list_chains
from include.results.address import parse_address
from include.results.engine import open_engine
from include.results.migrate import migrate
from tests.servers.common_process import Running, started
from tests.servers.common_tables import package_tables
from tests.servers.http.stand_in import without_proxy
from tests.shared_data import shared_data

pytestmark = pytest.mark.system

START, END = datetime(2018, 1, 1, tzinfo=UTC), datetime(2018, 4, 1, tzinfo=UTC)


@pytest.fixture
def yahoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The stand-in; what the test starts is led to it and shares a ledger of the test's own."""
    chain = shared_data("options", "AAPL_2025-09-28_yfinance.csv")
    address = f"sqlite:///{tmp_path / 'results.db'}"
    migrate(open_engine(parse_address(address, tmp_path)))
    options = ["--packages", "--certificates", str(tmp_path), "--options", f"AAPL={chain}", "--now", "2025-09-28T12:00:00"]
    with started("tests.servers.http.yahoo", *options) as running:
        authority = str(tmp_path / "authority.pem")
        environment = {"HTTPS_PROXY": running.address, "https_proxy": running.address, "RESULTS_URL": address, **without_proxy()}
        for name, value in (environment | dict.fromkeys(("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), authority)).items():
            monkeypatch.setenv(name, value)
        yield running
        assert running.call("violations") == []


def charts(yahoo: Running) -> int:
    return sum("/v8/finance/chart/" in entry["path"] for entry in yahoo.call("requests"))


def test_a_backfill_lands_exactly_what_yahoo_holds_and_a_rerun_asks_nothing(yahoo, dags_test, lake):
    form = {"source": "yahoo", "universe": "sample", "symbols": ["AAPL", "^GSPC"], "start": "2018-01-01", "end": "2018-04-01"}
    ran = dags_test("backfill_market", **form)
    assert ran.code == 0, ran.log
    for symbol in form["symbols"]:
        rows = read_landed(lake, "yahoo", "1d", symbol, START, END).rows.to_pylist()
        held = [row for row in package_tables()[symbol]["1d"] if START.date() <= row[0].date() < END.date()]
        assert [row["timestamp"].date() for row in rows] == [row[0].date() for row in held]
        assert [[row[name] for name in ("open", "high", "low", "close", "volume")] for row in rows] == [list(row[1:6]) for row in held]
    asked = charts(yahoo)
    again = dags_test("backfill_market", **form)
    assert again.code == 0, again.log
    assert again.said("everything has landed already")
    assert charts(yahoo) <= asked + 1  # splits and dividends of the share may be asked for anew; bars are not


def test_option_chains_land_once_and_a_past_expiry_is_explained(yahoo, dags_test, lake):
    ran = dags_test("snapshot_option_chains", source="yahoo", symbols=["AAPL"], expiries=["2025-10-03", "2025-10-17"])
    assert ran.code == 0, ran.log
    assert [str(chain.expiry) for chain in list_chains(lake, "yahoo", "AAPL")] == ["2025-10-03", "2025-10-17"]
    past = dags_test("snapshot_option_chains", source="yahoo", symbols=["AAPL"], expiries=["2025-09-05"])
    assert past.code != 0
    assert past.said("the expiry 2025-09-05 of AAPL is past and no chain of it is held; the nearest that yahoo lists are 2025-10-03")
