"""### Import fills

Real trades of yours, from a CSV file, beside the simulated ones: `trades/run=fills/` of the lake and the table `trades_sandbox`, marked
`simulated` = false. The file is read whole before anything is written; a wrong line is named with its column. Trades that are known
already are replaced, so the same file, or one that holds more, can be imported again.

The columns are listed in `docs/simulation.md`. From them `friction_xgboost` learns what trading really costs.

`airflow dags test import_fills --conf '{"fills_file": "/path/to/fills.csv", "timeframe": "5m"}'`
"""

from airflow.sdk import dag

from marketmill import params, trading_params
from marketmill.operators.trades import ImportFillsOperator, NoteToldOperator
from marketmill.task_groups import DEFAULT_ARGUMENTS


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    params={"fills_file": trading_params.fills_file(), "universe": params.universe(), "timeframe": params.timeframe()},
    tags=["trades"],
    doc_md=__doc__,
)
def import_fills() -> None:
    imported = ImportFillsOperator(task_id="import_fills")
    NoteToldOperator(task_id="note_told", told=imported.output)


import_fills()
