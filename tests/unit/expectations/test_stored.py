"""The stored suites."""

import json

from expectations.rules import FOLDER, Action, meta_of
from expectations.stored import SUITES, rendered


def test_the_stored_suites_are_current() -> None:
    stored = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert stored == rendered(), "run python -m expectations.stored"


def test_the_stored_suites_tell_nothing_of_versions_or_ids() -> None:
    for text in rendered().values():
        stored = json.loads(text)
        assert set(stored) == {"name", "expectations"}
        assert not any("id" in rule for rule in stored["expectations"])


def test_each_rule_has_a_name_of_its_own_an_action_and_a_reason() -> None:
    rules = [meta_of(expectation) for make in SUITES.values() for expectation in make().expectations]
    names = [rule["rule"] for rule in rules]
    assert len(names) == len(set(names))
    assert all(Action(rule["action"]) and rule["reason"] for rule in rules)
