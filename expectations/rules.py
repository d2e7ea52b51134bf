"""Rules: what a Great Expectations suite says of itself here, and its stored JSON.

Each expectation's ``meta`` names its ``rule``, what is done where it is broken (``action``) and the ``reason`` told for a row that
breaks it, a format string over the row's columns.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

FOLDER = Path(__file__).parent / "suites"


class Action(StrEnum):
    """What becomes of what breaks a rule."""

    REJECT_ROW = "reject_row"
    """The row goes to quarantine."""
    HOLD_SYMBOL = "hold_symbol"
    """Nothing of the symbol is published by this run, and the run says so at its end."""
    FAIL_RUN = "fail_run"
    """The task fails, and nothing that waits for what it checked starts."""
    WARN = "warn"
    """What is checked is kept; the warning is told, and a row carries the rule's name among its flags."""


_SEVERITIES = {action: "warning" if action is Action.WARN else "critical" for action in Action}


def rule(kind: str, name: str, reason: str, action: Action, **arguments: Any) -> Expectation:
    """Make one expectation of Great Expectations' class ``kind`` with its name, reason and action."""
    from great_expectations import expectations

    meta = {"rule": name, "action": action.value, "reason": reason}
    expectation: Expectation = getattr(expectations, kind)(**arguments, meta=meta, severity=_SEVERITIES[action])
    return expectation


def suite(name: str, rules: Sequence[Expectation]) -> ExpectationSuite:
    """Make a suite; the order of the rules is the order in which a row's reasons are told."""
    import great_expectations as gx

    return gx.ExpectationSuite(name=name, expectations=list(rules))


def rule_names(of: ExpectationSuite) -> list[str]:
    """Names of the suite's rules, in order."""
    return [meta_of(expectation)["rule"] for expectation in of.expectations]


def reasons(of: ExpectationSuite) -> dict[str, str]:
    """Return the reason of each rule, a format string over the columns of a row."""
    return {meta_of(expectation)["rule"]: meta_of(expectation)["reason"] for expectation in of.expectations}


def columns(of: ExpectationSuite) -> list[str]:
    """Names of the columns that the suite is over, each once."""
    named: list[str] = []
    for expectation in of.expectations:
        kwargs = expectation.configuration.kwargs
        named += [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs] + list(kwargs.get("column_list", []))
    return list(dict.fromkeys(named))


def actions(of: ExpectationSuite) -> dict[str, Action]:
    """Return what each rule does where it is broken."""
    return {meta_of(expectation)["rule"]: Action(meta_of(expectation)["action"]) for expectation in of.expectations}


def meta_of(expectation: Expectation) -> dict[str, str]:
    """``meta`` of one of the house's expectations."""
    meta: dict[str, str] = expectation.meta or {}
    return meta


def render(of: ExpectationSuite) -> str:
    """Write the suite as the JSON text that is stored; it says nothing of versions, machines or ids."""
    content: dict[str, Any] = of.to_json_dict()
    rules = [{key: value for key, value in each.items() if key != "id"} for each in content["expectations"]]
    return json.dumps({"name": content["name"], "expectations": rules}, indent=2) + "\n"
