"""What the operators decide and pass on; the gate and the registry are tested in tests/unit/ml."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput

import ml.decision_card
import ml.promotion
from include.errors import ModelError
from include.settings import settings
from marketmill.operators.promotion import (
    ApprovePromotionOperator,
    ChangeChampionOperator,
    ChooseChallengersOperator,
    DecidePromotionOperator,
)
from ml import registry
from ml.gate import Decision, Outcome

CHOOSE = ChooseChallengersOperator(task_id="choose_challengers")
DECISION = {
    "model_id": "volatility_garch",
    "version": "2",
    "champion": "1",
    "outcome": "promote",
    "reason": "better",
    "serves": {"tomorrow": "model"},
    "after_demotion": False,
    "card": "## Two in place of one",
}


@pytest.fixture
def holders(monkeypatch):
    """Who holds which alias."""
    held = {("volatility_garch", "challenger"): "2", ("regime5_xgboost", "challenger"): "7"}
    monkeypatch.setattr(registry, "holder", lambda model_id, alias: held.get((model_id, alias)))
    return held


def test_every_challenger_is_decided_about(context, holders):
    assert CHOOSE.execute(context()) == [
        {"model_id": "volatility_garch", "version": "2", "action": "promote"},
        {"model_id": "regime5_xgboost", "version": "7", "action": "promote"},
    ]


def test_events_say_which_models(context, holders):
    events = {"model": [SimpleNamespace(extra={"model": name}) for name in ("regime5_xgboost", "made_by_a_form")]}
    [asked] = CHOOSE.execute(context() | {"triggering_asset_events": events})
    assert asked["model_id"] == "regime5_xgboost"


def test_a_form_says_which_model(context, holders):
    form = {"model": "volatility_garch", "version": "1", "action": "promote"}
    assert CHOOSE.execute(context(**form)) == [{"model_id": "volatility_garch", "version": "1", "action": "promote"}]


@pytest.mark.parametrize("form", [{"version": "1"}, {"action": "demote"}])
def test_a_form_without_its_model(context, form):
    with pytest.raises(AirflowFailException, match="name the model as well"):
        CHOOSE.execute(context(**form))


def test_nothing_to_decide_about(context, holders):
    holders.clear()
    with pytest.raises(AirflowSkipException, match="there is no challenger to decide about"):
        CHOOSE.execute(context())


def decide(context, **asked):
    return DecidePromotionOperator(
        task_id="decide", asked={"model_id": "volatility_garch", "version": "2", "action": "promote"} | asked
    ).execute(context())


def test_a_decision_is_plain(context, monkeypatch):
    decision = Decision("volatility_garch", "2", None, Outcome.REFUSE, "worse")
    monkeypatch.setattr(ml.promotion, "propose", lambda *_: decision)
    monkeypatch.setattr(registry, "get", lambda *_: SimpleNamespace(card={}))
    monkeypatch.setattr(ml.decision_card, "render", lambda *_: "page")
    monkeypatch.setattr(ml.promotion, "is_demoted", lambda _: False)
    found = decide(context)
    assert found == {
        "model_id": "volatility_garch", "version": "2", "champion": None, "outcome": "refuse", "reason": "worse", "serves": {},
        "after_demotion": False, "card": "page",
    }  # fmt: skip
    assert type(found["outcome"]) is str


def test_one_that_cannot_be_judged_is_broken_and_fails_at_the_end_only(context, monkeypatch):
    def propose(*_):
        raise ModelError("version 2 is refused")

    monkeypatch.setattr(ml.promotion, "propose", propose)
    found = decide(context)
    assert (found["outcome"], found["reason"]) == ("broken", "version 2 is refused")
    with pytest.raises(AirflowFailException, match="version 2 is refused"):
        ChangeChampionOperator(task_id="change_champion", decision=found).execute(context())


@pytest.fixture
def asked(monkeypatch):
    """What humans were asked."""
    requests = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **request: requests.append(request))
    return requests


def approve(decision):
    return ApprovePromotionOperator(task_id="approve", decision=decision)


@pytest.mark.parametrize(("outcome", "wanted"), [("promote", False), ("refuse", True), ("demote", True), ("broken", True)])
def test_nobody_is_asked_where_nobody_needs_to_be(context, asked, outcome, wanted):
    decision = DECISION | {"outcome": outcome}
    assert approve(decision).execute(context(require_approval=wanted)) == decision
    assert asked == []


@pytest.mark.parametrize(
    ("setting", "after_demotion", "form", "waits"),
    [("true", False, {}, True), ("", True, {}, True), ("", True, {"model": "volatility_garch"}, False), ("", False, {}, False)],
)
def test_runs_that_an_event_starts_wait_by_the_setting_and_after_a_demotion(
    context, asked, monkeypatch, setting, after_demotion, form, waits
):
    if setting:
        monkeypatch.setenv("REQUIRE_APPROVAL", setting)
    settings.cache_clear()
    run, decision = context(**form) | {"task_instance": SimpleNamespace(id="ti")}, DECISION | {"after_demotion": after_demotion}
    with pytest.raises(TaskAwaitingInput) if waits else nullcontext():
        approve(decision).execute(run)
    assert bool(asked) == waits
    settings.cache_clear()


def test_a_human_sees_the_card_and_the_default_is_no(context, asked):
    run = context(require_approval=True) | {"task_instance": SimpleNamespace(id="ti")}
    with pytest.raises(TaskAwaitingInput):
        approve(DECISION).execute(run)
    [request] = asked
    assert request["subject"] == "Let volatility_garch version 2 serve?"
    assert request["body"] == DECISION["card"]
    assert (request["options"], request["defaults"]) == (["Approve", "Reject"], ["Reject"])


@pytest.mark.parametrize(
    ("chosen", "user", "changes"),
    [
        ("Approve", {"id": "1", "name": "ada"}, {"approved_by": "ada"}),
        ("Reject", {"id": "1", "name": "ada"}, {"outcome": "refuse", "reason": "rejected by ada"}),
        ("Reject", None, {"outcome": "refuse", "reason": "rejected by nobody in time"}),
    ],
)
def test_an_answer_is_taken(context, chosen, user, changes):
    event = {"chosen_options": [chosen], "params_input": {}, "responded_at": datetime.now(UTC), "responded_by_user": user}
    assert approve(DECISION).execute_complete(context(), event) == DECISION | changes


def test_what_passed_becomes_champion(context, monkeypatch):
    calls = []
    monkeypatch.setattr(ml.promotion, "promote", lambda *place, **named: calls.append((place, named)))
    decision = DECISION | {"approved_by": "ada"}
    found = ChangeChampionOperator(task_id="change_champion", decision=decision).execute(context())
    assert found == {"model": "volatility_garch", "version": "2"}
    assert calls == [
        (("volatility_garch", "2"), {"expected": "1", "serves": {"tomorrow": "model"}, "reason": "better", "approved_by": "ada"})
    ]


@pytest.mark.parametrize("outcome", ["keep", "refuse"])
def test_what_did_not_pass_is_skipped_and_noted(context, outcome, monkeypatch):
    notes = []
    monkeypatch.setattr(ml.promotion, "keep_out", lambda *told: notes.append(told))
    with pytest.raises(AirflowSkipException, match="volatility_garch version 2 does not become champion: better"):
        ChangeChampionOperator(task_id="change_champion", decision=DECISION | {"outcome": outcome}).execute(context())
    assert notes == [("volatility_garch", "2", "better")]


def test_a_demotion(context, monkeypatch):
    decision = decide(context, version=None, action="demote")
    assert approve(decision).execute(context(require_approval=True)) == decision
    monkeypatch.setattr(ml.promotion, "demote", lambda _, *, by: ("3", "2") if by == "ada" else None)
    run = context() | {"dag_run": SimpleNamespace(triggering_user_name="ada")}
    found = ChangeChampionOperator(task_id="change_champion", decision=decision).execute(run)
    assert found == {"model": "volatility_garch", "version": "2", "demoted": "3"}
