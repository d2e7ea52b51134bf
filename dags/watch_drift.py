"""### Watch drift

Do the champions still know this world? The features since their training, and the outcomes of what they said out of sample (loss,
calibration, intervals), each ranked among all windows of as many months before. The page lies at `reports/<run>/index.html` of the
lake, all figures in `drift.json` beside it. Drift is news and fails nothing; with a connection `notifications_default` it is told.
Started by new predictions, a form or the API.

`airflow dags test watch_drift`
"""

from airflow.sdk import dag

from include.assets import PREDICTIONS
from marketmill import params
from marketmill.operators.drift import WatchDriftOperator
from marketmill.task_groups import DEFAULT_ARGUMENTS


@dag(
    schedule=[PREDICTIONS],
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    params={"models": params.models()},
    tags=["report", "models"],
    doc_md=__doc__,
)
def watch_drift() -> None:
    WatchDriftOperator(task_id="watch_drift")


watch_drift()
