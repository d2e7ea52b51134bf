"""### Promote models

Each challenger goes through the **gate**: on the walk-forward rows that it shares with the champion, is it better somewhere and worse
nowhere? If so, and a human **approves** where that is wanted, it becomes champion: the version that predicts. Started by a new model, a
form or the API.

- A first champion needs no rival. Where it does not beat the simplest baseline, that baseline is served under its name.
- One that is as good as the champion takes over if it knows newer data.
- `action` = demote gives a model back to the champion before; `python -m ml.promotion demote <model>` does the same.
- With `require_approval`, in the form or as a setting for all runs, it waits under *Required actions*; no answer within a week is a no.
  After a demotion by hand, runs that a new model starts wait too.

`airflow dags test promote_models --conf '{"model": "volatility_garch"}'`
"""

from datetime import timedelta

from airflow.sdk import dag

from include.assets import MODEL
from marketmill import params
from marketmill.operators.promotion import (
    ApprovePromotionOperator,
    ChangeChampionOperator,
    ChooseChallengersOperator,
    DecidePromotionOperator,
)
from marketmill.task_groups import DEFAULT_ARGUMENTS


@dag(
    schedule=[MODEL],
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGUMENTS,
    params={
        "model": params.model(),
        "version": params.version(),
        "action": params.action(),
        "require_approval": params.require_approval(),
        "months": params.months(),
    },
    tags=["models"],
    doc_md=__doc__,
)
def promote_models() -> None:
    by_model = "{{ task.decision['model_id'] }}"
    asked = ChooseChallengersOperator(task_id="choose_challengers")
    decided = DecidePromotionOperator.partial(task_id="decide", map_index_template="{{ task.asked['model_id'] }}").expand(
        asked=asked.output
    )
    approved = ApprovePromotionOperator.partial(task_id="approve", map_index_template=by_model, response_timeout=timedelta(days=7)).expand(
        decision=decided.output
    )
    ChangeChampionOperator.partial(task_id="change_champion", map_index_template=by_model).expand(decision=approved.output)


promote_models()
