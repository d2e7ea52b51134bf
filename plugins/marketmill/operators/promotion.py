"""Let challengers through the gate, ask a human where that is wanted, and change who serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context

from include.errors import ConfigurationError, ModelError
from marketmill.events import triggering_extras
from marketmill.links import ModelLink
from marketmill.notifications import Topic, notify
from marketmill.operators.base import MillOperator

APPROVE, REJECT = "Approve", "Reject"
#: Outcomes that the gate does not know: a change that was asked for by hand, and a challenger that cannot be judged.
DEMOTE, BROKEN = "demote", "broken"


class ChooseChallengersOperator(MillOperator):
    """Return what is to be decided, a dict of ``model_id``, ``version`` and ``action`` each.

    The model of the form; else the models of the events that started the run; else all of the catalogue. Without a version it is the
    challenger; models that have none are left out.
    """

    def work(self, context: Context) -> list[dict[str, Any]]:
        """Look each model up."""
        from ml import registry
        from ml.catalog import CATALOG, find_entry

        params = context["params"]
        model, version, action = params.get("model"), params.get("version"), params.get("action") or "promote"
        if model:
            return [{"model_id": find_entry(model).model_id, "version": version, "action": action}]
        if version or action == DEMOTE:
            raise ConfigurationError("name the model as well: a version, or a demotion, is of one model")
        told = {extra.get("model") for extra in triggering_extras(context)}
        models = [model_id for model_id in CATALOG if not told or model_id in told]
        challengers = {model_id: registry.holder(model_id, registry.CHALLENGER) for model_id in models}
        chosen = [{"model_id": model_id, "version": held, "action": action} for model_id, held in challengers.items() if held]
        if not chosen:
            self.skip("there is no challenger to decide about")
        return chosen


class DecidePromotionOperator(MillOperator):
    """Ask the gate. Returns ``model_id``, ``version``, ``champion``, ``outcome``, ``reason``, ``serves`` and the decision ``card``.

    A challenger that cannot be judged does not hold back the others: its outcome is ``broken``, and the last task fails.
    """

    template_fields: Sequence[str] = ("asked",)
    operator_extra_links = (ModelLink(),)

    def __init__(self, *, asked: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.asked = asked

    def work(self, context: Context) -> dict[str, Any]:
        """Judge one version."""
        model_id = self.asked["model_id"]
        about = {"model_id": model_id, "version": self.asked["version"]}
        if self.asked["action"] == DEMOTE:
            return about | {"outcome": DEMOTE, "reason": f"asked for by {_who_started(context)}"}
        try:
            decided = self._decide(model_id)
        except ModelError as error:
            self.log.error("%s", error)  # noqa: TRY400 - the sentence says it all
            return about | {"outcome": BROKEN, "reason": str(error)}
        self.log.info("%s version %s: %s, %s", model_id, decided["version"], decided["outcome"], decided["reason"])
        return decided

    def _decide(self, model_id: str) -> dict[str, Any]:
        from ml import registry
        from ml.decision_card import render
        from ml.promotion import is_demoted, propose, serving

        decision = propose(model_id, self.asked["version"])
        if decision is None:
            raise ModelError(f"{model_id} has no challenger; run train_models")
        now = serving(model_id) if decision.champion else None
        card = render(decision, registry.get(model_id, decision.version).card, now.version.card if now else None)
        return {
            "model_id": model_id,
            "version": decision.version,
            "champion": decision.champion,
            "outcome": decision.outcome.value,
            "reason": decision.reason,
            "serves": decision.serves,
            "after_demotion": is_demoted(model_id),
            "card": card,
        }


class ApprovePromotionOperator(HITLOperator):
    """Ask a human about a promotion that passed the gate, where the param or the setting ``require_approval`` wants it.

    A run that an event started also asks where a human demoted the last champion. Anything else goes on as it is.
    Returns the decision, with who approved it. What is rejected, or not answered in time, is refused.
    """

    template_fields: Sequence[str] = ("decision",)
    operator_extra_links = (ModelLink(),)

    def __init__(self, *, decision: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(subject="Promote?", options=[APPROVE, REJECT], defaults=REJECT, **kwargs)
        self.decision = decision

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait for an answer where one is needed."""
        if self.decision["outcome"] == "promote" and self._is_asked_for(context["params"]):
            self.subject = f"Let {self.decision['model_id']} version {self.decision['version']} serve?"
            self.body = self.decision["card"]
            super().execute(context)
        return self.decision

    def _is_asked_for(self, params: Mapping[str, Any]) -> bool:
        from include.settings import settings

        after_demotion = self.decision["after_demotion"] and not params.get("model")
        return bool(params.get("require_approval")) or settings().require_approval or after_demotion

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Take the answer."""
        answer = super().execute_complete(context, event)
        who = _who(answer["responded_by_user"])
        if answer["chosen_options"] == [APPROVE]:
            return self.decision | {"approved_by": who}
        return self.decision | {"outcome": "refuse", "reason": f"rejected by {who}"}


class ChangeChampionOperator(MillOperator):
    """Promote or demote; skipped where the champion stays, failed where a challenger could not be judged."""

    template_fields: Sequence[str] = ("decision",)
    operator_extra_links = (ModelLink(),)

    def __init__(self, *, decision: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decision = decision

    def work(self, context: Context) -> dict[str, Any]:
        """Change who holds the alias."""
        from ml.promotion import demote, keep_out, promote

        model_id, version, outcome = (self.decision[name] for name in ("model_id", "version", "outcome"))
        if outcome == DEMOTE:
            demoted, now = demote(model_id, by=_who_started(context))
            notify(Topic.PROMOTION, f"{model_id} version {demoted} is demoted", f"version {now} serves again" if now else "none serves")
            return {"model": model_id, "version": now, "demoted": demoted}
        if outcome == BROKEN:
            raise ModelError(self.decision["reason"])
        if outcome != "promote":
            keep_out(model_id, version, self.decision["reason"])
            self.skip(f"{model_id} version {version} does not become champion: {self.decision['reason']}")
        promote(
            model_id,
            version,
            expected=self.decision["champion"],
            serves=self.decision["serves"],
            reason=self.decision["reason"],
            approved_by=self.decision.get("approved_by", ""),
        )
        notify(Topic.PROMOTION, f"{model_id} version {version} serves", self.decision["reason"])
        return {"model": model_id, "version": version}


def _who_started(context: Context) -> str:
    return str(getattr(context.get("dag_run"), "triggering_user_name", None) or "a run without a user")


def _who(user: Mapping[str, Any] | None) -> str:
    return str(user["name"]) if user else "nobody in time"
