"""### Forecast a stock from its industry

Where a target goes over the next sessions, from what it and its peers did lately: a ridge regression, judged walk-forward, beside the
co-movement of the same days. The report holds the coefficients with HAC errors, the predictions (`is_oos` marks those out of sample) and
two charts; the same files are artifacts of the MLflow run.

Three years before **start** are fetched as well, so that the forecasts of the period itself come from models that had not seen it.

`airflow dags test forecast_industry --conf '{"target": "^IXIC", "peers": ["^GSPC"], "source": "sample"}'`
"""

from airflow.sdk import dag

from marketmill import params
from marketmill.operators.industry import ForecastIndustryOperator, PlanForecastOperator
from marketmill.task_groups import DEFAULT_ARGUMENTS, mill_bars


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    params={
        "target": params.target(),
        "peers": params.peers(),
        "horizon": params.horizon(),
        **params.bars_wanted("ten years before the end"),
        "seed": params.seed(),
        **params.request_limits(),
    },
    tags=["models", "predictions"],
    doc_md=__doc__,
)
def forecast_industry() -> None:
    fetched = mill_bars(PlanForecastOperator(task_id="plan_fetch"), timeframe="1d")
    fetched >> ForecastIndustryOperator(task_id="forecast")


forecast_industry()
