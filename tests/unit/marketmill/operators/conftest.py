"""Operators are run as Airflow runs them, through ``execute``, with the parts of a context that they look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from include.lake import Lake
from include.results.engine import results_engine
from include.results.migrate import migrate
from include.settings import settings


@pytest.fixture
def lake(tmp_path, monkeypatch) -> Lake:
    """The lake of the settings."""
    monkeypatch.setenv("LAKE", str(tmp_path / "lake"))
    settings.cache_clear()
    yield Lake(str(tmp_path / "lake"))
    settings.cache_clear()


@pytest.fixture
def results(monkeypatch, tmp_path, lake) -> Iterator[None]:
    """A results database of the test's own, for the ledger."""
    monkeypatch.setenv("RESULTS_URL", f"sqlite:///{tmp_path / 'results.db'}")
    settings.cache_clear()
    results_engine.cache_clear()
    migrate(results_engine())
    yield
    results_engine().dispose()
    results_engine.cache_clear()


@pytest.fixture
def context(lake):
    """Make a context; ``asset_events`` are those that the run sends, ``ti.pushed`` what it tells others beside its answer."""

    def context(*, try_number=1, max_tries=2, dag_id="backfill_market", **params):
        pushed: dict[str, object] = {}
        ti = SimpleNamespace(
            try_number=try_number, max_tries=max_tries, pushed=pushed, xcom_push=lambda key, value: pushed.update({key: value})
        )
        return {
            "params": {"universe": "sample", "source": "sample", "timeframe": "1d", **params},
            "dag": SimpleNamespace(dag_id=dag_id),
            "run_id": "manual__2026-11-21T05:00:00+00:00",
            "ti": ti,
            "outlet_events": defaultdict(SimpleNamespace),
        }

    return context
