"""### Update market bars

One month of bars of a universe, the month of the run's **data interval**: fetch, check, publish, features.

- Scheduled on the first of each month for the month that has just ended; `airflow backfill create --dag-id update_market
  --from-date 2018-01-01 --to-date 2018-12-01` makes up for missed ones, in any order.
- `airflow dags test update_market 2018-06-15` takes the last month that was over on that day, 2018-05.
- A month that is not over is refused. A month for which the source has nothing ends well and says so.
"""

from datetime import datetime

from airflow.sdk import CronDataIntervalTimetable, dag

from marketmill import params
from marketmill.task_groups import DEFAULT_ARGUMENTS, mill_bars


@dag(
    schedule=CronDataIntervalTimetable("0 0 1 * *", timezone="UTC"),
    start_date=datetime(2000, 1, 1),  # noqa: DTZ001  (Airflow reads it in UTC)
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    params={
        "universe": params.universe(),
        "source": params.source(),
        "symbols": params.symbols(),
        "timeframe": params.timeframe(),
        "csv_folder": params.csv_folder(),
        **params.request_limits(),
    },
    tags=["bars", "features"],
    doc_md=__doc__,
)
def update_market() -> None:
    mill_bars()


update_market()
