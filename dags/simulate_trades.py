"""### Simulate trades

What trading on **published rules**, or on the **predictions** of models, would have brought after costs: event by event on the bars,
filled at the next bar's open, with take-profit, stop and time-out. Trades go to `trades/run=/month=` of the lake and to the table
`trades_sandbox`, what each strategy earned by window to `backtest_results`, the market's features at the end of each window to
`ml_features`; a page at `reports/<run>/index.html` shows the best strategy among its random twins, and says "no edge" where that is so.
Mapped over rules and models; started by new predictions, a form or the API.

- Where one bar holds both take-profit and stop, the loss is counted; a gap through the stop is filled at the open.
- Predictions whose outcome the model had learnt are left out, unless `allow_in_sample`; then the run is marked in-sample.
- Run it again at any time: the same run replaces its months, and no trade is lost or doubled.

`airflow dags test simulate_trades --conf '{"universe": "sample", "rules": ["moving_average_cross", "momentum"]}'`
"""

from airflow.sdk import TriggerRule, dag

from include.assets import PREDICTIONS, TRADES
from marketmill import params, trading_params
from marketmill.operators.trades import (
    PlanTradesOperator,
    PublishTradesPageOperator,
    SimulateTradesOperator,
    StoreMarketFeaturesOperator,
)
from marketmill.task_groups import DEFAULT_ARGUMENTS


@dag(
    schedule=[PREDICTIONS],
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    params={
        "predictions": trading_params.predictions(),
        "rules": trading_params.rules(),
        "universe": params.universe(),
        "timeframe": params.timeframe(),
        "days": trading_params.trade_days(),
        "costs": trading_params.costs(),
        "allow_in_sample": trading_params.allow_in_sample(),
        "months": params.months(),
    },
    tags=["trades"],
    doc_md=__doc__,
)
def simulate_trades() -> None:
    subjects = PlanTradesOperator(task_id="plan_trades")
    market = StoreMarketFeaturesOperator(task_id="store_market_features")
    simulate = SimulateTradesOperator.partial(task_id="simulate", map_index_template="{{ task.subject }}", outlets=[TRADES])
    simulated = simulate.expand(subject=subjects.output)
    # What is known of the market is there before any backtest is told of.
    market >> simulated
    # A subject whose trades are as they were is skipped.
    PublishTradesPageOperator(task_id="publish_page", told=simulated.output, trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)


simulate_trades()
