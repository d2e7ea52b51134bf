"""### Backfill market bars

Years of bars of a universe: **fetch** what has not landed yet, **check** it with Great Expectations, **publish** the bars month by
month, bring the **features** up to date with Spark.

- Run it again at any time: what landed is not fetched again, what did not change is neither written nor computed.
- A symbol that fails does not stop the others; the last task then fails and lists what is missing and why.
- Months are taken whole, and the month that is not over is left out.

`airflow dags test backfill_market --conf '{"universe": "sample", "source": "sample", "years": 10}'`
"""

from airflow.sdk import dag

from marketmill import params
from marketmill.task_groups import DEFAULT_ARGUMENTS, mill_bars


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    params={
        **params.bars_wanted(),
        "symbols": params.symbols(),
        "years": params.years(),
        "days": params.days(),
        "timeframe": params.timeframe(),
        **params.request_limits(),
    },
    tags=["bars", "features"],
    doc_md=__doc__,
)
def backfill_market() -> None:
    mill_bars()


backfill_market()
