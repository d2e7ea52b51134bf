"""### Publish the report

One HTML page: what came in, what was refused and why, the features, each model beside its baselines with a verdict. It lies at
`reports/<run>/index.html` of the lake. Started by a new model, a form or the API.

`airflow dags test publish_report --conf '{"universe": "sample"}'`
"""

from airflow.sdk import dag

from include.assets import MODEL
from marketmill import params
from marketmill.operators.models import PublishReportOperator
from marketmill.task_groups import DEFAULT_ARGUMENTS


@dag(
    schedule=[MODEL],
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    params={
        "universe": params.universe(),
        "timeframe": params.timeframe(),
        "months": params.months(),
    },
    tags=["report"],
    doc_md=__doc__,
)
def publish_report() -> None:
    PublishReportOperator(task_id="publish_report")


publish_report()
