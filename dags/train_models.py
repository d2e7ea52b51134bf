"""### Train models

Each model of the catalogue on the features of a universe: dataset, walk-forward beside the baselines, verdict, fit on all data,
registered in MLflow as challenger. Mapped over the models; started by new features (all but those that learn from trades), by new
trades (those that do), a form or the API.

A model that was trained on exactly this (data, features, code, libraries, parameters, seed) is not trained again.

`airflow dags test train_models --conf '{"models": ["volatility_garch"], "universe": "sample"}'`
"""

from airflow.sdk import dag

from include.assets import FEATURES, MODEL, TRADES
from marketmill import params, trading_params
from marketmill.operators.models import ChooseModelsOperator, TrainModelOperator
from marketmill.task_groups import DEFAULT_ARGUMENTS


@dag(
    schedule=(FEATURES | TRADES),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    params={
        "models": params.models(),
        "universe": params.universe(),
        "timeframe": params.learnt_timeframe(),
        "start": params.start("the first bar"),
        "end": params.end("the last bar"),
        "trades_run": trading_params.trades_run(),
        "seed": params.seed(),
        "force": params.force_training(),
        "continue_boosting": params.continue_boosting(),
        "months": params.months(),
    },
    tags=["models"],
    doc_md=__doc__,
)
def train_models() -> None:
    models = ChooseModelsOperator(task_id="choose_models")
    TrainModelOperator.partial(task_id="train", map_index_template="{{ task.model_id }}", outlets=[MODEL]).expand(model_id=models.output)


train_models()
