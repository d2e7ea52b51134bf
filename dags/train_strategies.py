"""### Train strategies

Which strategies to run next, learnt from their backtests: what its past window was worth and what the market looked like say how
probable a profit of its **next** window is. Mapped over the models; started by new trades, a form or the API. Each is registered as
challenger, for `promote_models`, and stands on one page among random twins.

Where after costs too few strategies were worth anything, the answer is "no edge": the page says so, and nothing is registered.

- Begin with the **ensemble**; the **classifier** states probabilities by a network; the **agent** says how much to stake.
- `min_composite_score` looks at the past window only; the result without it stands beside. 1000 backtests have to be left.
- `hyperparameter_search` tries `n_trials` sets of parameters on the earlier dates. Stopped, it goes on where it was. Every trial counts.
- `continue_boosting` lets the ensemble go on from its champion with new rows, as challenger only; the default is a full refit.

`airflow dags test train_strategies --conf '{"model_type": "ensemble", "universe": "sample"}'`
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import TriggerRule, dag

from include.assets import MODEL, TRADES
from marketmill import params, trading_params
from marketmill.operators.strategies import ChooseStrategyModelsOperator, PublishStrategiesOperator, TrainStrategyOperator
from marketmill.task_groups import DEFAULT_ARGUMENTS


@dag(
    schedule=[TRADES],
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    params={
        "model_type": trading_params.model_type(),
        "min_composite_score": trading_params.min_composite_score(),
        "hyperparameter_search": trading_params.hyperparameter_search(),
        "n_trials": trading_params.n_trials(),
        "continue_boosting": params.continue_boosting(),
        "universe": params.universe(),
        "timeframe": params.learnt_timeframe(),
        "trades_run": trading_params.trades_run(),
        "seed": params.seed(),
        "months": params.months(),
    },
    tags=["trades", "models"],
    doc_md=__doc__,
)
def train_strategies() -> None:
    models = ChooseStrategyModelsOperator(task_id="choose_models")
    train = TrainStrategyOperator.partial(task_id="train", map_index_template="{{ task.model_id }}", outlets=[MODEL])
    trained = train.expand(model_id=models.output)
    # What could be trained is worth a page, whatever became of the others, and so is "no edge", which is a training that was skipped ...
    trained >> PublishStrategiesOperator(task_id="publish_strategies", trigger_rule=TriggerRule.ALL_DONE)
    # ... but a page does not make up for a model that failed: the run ends as its last tasks do.
    trained >> EmptyOperator(task_id="all_trained", trigger_rule=TriggerRule.NONE_FAILED)


train_strategies()
