"""### Predict

Each **champion** states the months whose features changed, or the newest month; what it says is checked with Great Expectations and
published to `predictions/model=/month=` of the lake. Mapped over the models; started by new features, a form or the API.

- Every row says which version said it, from which features and data, and whether the outcome was known when it was trained.
- A row outside what the version was trained on gets a reason instead of a statement.
- A version whose training data ended more than `model_months` (a setting) before the month is refused; a version whose files were
  tampered with is too, and the champion before it serves.
- A champion that was promoted after a month's run speaks from the next one on; a form lets it speak at once.
- `make replay MODEL= SYMBOL= AT=` says a published row again and compares.

`airflow dags test predict --conf '{"models": ["volatility_garch"], "months": ["2018-05"]}'`
"""

from airflow.sdk import dag

from include.assets import FEATURES, PREDICTIONS
from marketmill import params
from marketmill.operators.prediction import ChooseChampionsOperator, PredictOperator
from marketmill.task_groups import DEFAULT_ARGUMENTS


@dag(
    schedule=[FEATURES],
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    params={"models": params.models(), "months": params.months()},
    tags=["predictions"],
    doc_md=__doc__,
)
def predict() -> None:
    champions = ChooseChampionsOperator(task_id="choose_champions")
    PredictOperator.partial(task_id="predict", map_index_template="{{ task.model_id }}", outlets=[PREDICTIONS]).expand(
        model_id=champions.output
    )


predict()
