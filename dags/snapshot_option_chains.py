"""### Snapshot option chains

The option chains of some symbols as they are today, from Yahoo or IBKR. Snapshots **accumulate**: one file a symbol, expiry and
fetch, never changed or deleted.

- Scheduled on Wednesdays at 18:00 UTC, within New York's market hours: outside of them many quotes are empty. A missed week cannot
  be made up for.
- The same run again asks only for what it does not have yet.
- An expiry that is past or not listed is served by the newest chain held of it, else the run fails and names the nearest listed ones.
- `max_snapshots` limits the requests of a run, `snapshot_interval` sets the least seconds between two of them.

`airflow dags test snapshot_option_chains --conf '{"symbols": ["AAPL"], "source": "yahoo", "expiries": ["2027-01-15"]}'`
"""

from datetime import datetime

from airflow.sdk import CronDataIntervalTimetable, dag

from marketmill import params
from marketmill.operators.option_chains import SnapshotOptionChainsOperator
from marketmill.task_groups import DEFAULT_ARGUMENTS


@dag(
    schedule=CronDataIntervalTimetable("0 18 * * 3", timezone="UTC"),
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001  (Airflow reads it in UTC)
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    params={
        "symbols": params.option_symbols(),
        "source": params.source(),
        "expiries": params.expiries(),
        **params.request_limits(),
    },
    tags=["options"],
    doc_md=__doc__,
)
def snapshot_option_chains() -> None:
    SnapshotOptionChainsOperator(task_id="snapshot")


snapshot_option_chains()
