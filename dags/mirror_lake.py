"""### Mirror the lake to MongoDB

For those whose other programs read MongoDB: every published bar as a document of `market_data`, every champion and challenger as one of
`ml_models`, in the database that the connection `mongo_default` names (`trading_system` if it names none). Without the connection the run
is skipped and the lake alone serves. The mirror is never read here; what it missed it catches up with at the next run.

Paused until you switch it on. Started by new bars or a new model, a form or the API.

`airflow dags test mirror_lake`
"""

from airflow.sdk import dag

from include.assets import BARS, MODEL
from marketmill.operators.mirror import MirrorOperator
from marketmill.task_groups import DEFAULT_ARGUMENTS


@dag(
    schedule=(BARS | MODEL),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    tags=["bars", "models"],
    doc_md=__doc__,
)
def mirror_lake() -> None:
    MirrorOperator(task_id="mirror")


mirror_lake()
