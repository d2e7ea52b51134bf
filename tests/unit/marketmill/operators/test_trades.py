"""What is told of simulated trades, whenever whoever made them was killed; the simulation itself is tested in tests/unit/ml."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.assets import REPORT, TRADES
from include.report_index import INDEX
from include.results.engine import results_engine
from include.results.reading import read_rows
from include.results.tables import BACKTEST_RESULTS, STORED_MONTHS
from include.trade_runs import read_run
from include.trades import list_runs
from marketmill.operators.trades import ImportFillsOperator, NoteToldOperator, PublishTradesPageOperator, SimulateTradesOperator
from tests.unit.ml.simulation.lake import fill_lake

FILLS = (
    "strategy,symbol,side,decided_at,entered_at,exited_at,decided_price,entry_price,exit_price,exit_decided_price,size,fees\n"
    "mine,^GSPC,long,2018-06-04T14:29:59Z,2018-06-04T14:30:00Z,2018-06-05T14:30:00Z,2740,2741,2750,2751,0.5,0.0001\n"
)
FORM = {"universe": "crypto", "rules": ["reversal"], "costs": {"fee": 0.01}}


@pytest.fixture
def simulate(context, results, lake):
    """Simulate as the DAG does; answers with what is told and what the event says."""
    fill_lake(lake, 500)

    def simulate():
        run = context(**FORM)
        told = SimulateTradesOperator(task_id="simulate", subject="rules").execute(run)
        assert run["outlet_events"][TRADES].extra.items() <= told.items()
        return told

    return simulate


def publish_page(context, told) -> str:
    run = context(**FORM)
    path = PublishTradesPageOperator(task_id="publish_page", told=[told]).execute(run)
    assert run["outlet_events"][REPORT].extra["path"] == path
    return path


def test_who_was_killed_before_the_page_tells_all_of_it_again(simulate, context, lake):
    killed = simulate()
    assert simulate() == killed, "neither the page nor the event came to be"
    path = publish_page(context, killed)
    with pytest.raises(AirflowSkipException, match=rf"every month holds these trades already; .*/{path} shows them"):
        simulate()
    lake.delete(path)
    assert simulate() == killed, "the page is gone"


def test_what_the_database_lacks_is_made_and_told_of(simulate, context):
    publish_page(context, simulate())
    engine = results_engine()
    with engine.begin() as connection:
        for table in (BACKTEST_RESULTS, STORED_MONTHS):
            connection.execute(table.delete())
    assert simulate()["months"]
    assert len(read_rows(engine, BACKTEST_RESULTS)) > 0


def test_the_costs_are_noted_and_the_page_is_linked(simulate, context, lake):
    told = simulate()
    assert list_runs(lake) == [told["run_id"]]
    assert read_run(lake, told["run_id"]).costs.fee == 0.01
    assert publish_page(context, told).removeprefix("reports/") in lake.read(INDEX).decode()


def test_fills_that_were_told_of_are_not_told_again(context, results, lake, tmp_path):
    form = {"fills_file": str(tmp_path / "fills.csv"), "universe": "sample"}
    (tmp_path / "fills.csv").write_text(FILLS, encoding="utf-8")
    imports = ImportFillsOperator(task_id="import_fills")
    killed = imports.execute(context(**form))
    assert imports.execute(context(**form)) == killed, "the event did not come to be"
    NoteToldOperator(task_id="note_told", told=killed).execute(context(**form))
    with pytest.raises(AirflowSkipException, match="is known already"):
        imports.execute(context(**form))
