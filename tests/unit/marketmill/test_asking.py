"""A run begins only where somebody answers: a few quick questions, then one sentence."""

from __future__ import annotations

import pytest

from include.errors import SourceError
from marketmill.asking import confirm_reachable
from marketmill.hooks.base import RemoteHook
from marketmill.outcomes import Unreachable

AWAY = Unreachable("nobody is there: look at the network")


class Shy(RemoteHook):
    """Answers after so many questions."""

    def __init__(self, silent: int) -> None:
        self.silent, self.asked = silent, 0

    def reach(self) -> Unreachable | None:
        self.asked += 1
        return AWAY if self.asked <= self.silent else None


@pytest.mark.parametrize(("silent", "waited"), [(0, []), (1, [5]), (2, [5, 10])])
def test_who_answers_in_time_is_there(silent, waited):
    hook, slept = Shy(silent), []
    confirm_reachable(hook, slept.append)
    assert (hook.asked, slept) == (silent + 1, waited)


def test_three_questions_without_an_answer_end_it_within_twenty_seconds():
    hook, slept = Shy(9), []
    with pytest.raises(SourceError, match=f"^{AWAY.reason}$"):
        confirm_reachable(hook, slept.append)
    assert hook.asked == 3
    assert sum(slept) <= 20


def test_questions_that_take_long_are_fewer(monkeypatch):
    monkeypatch.setattr("marketmill.asking._PATIENCE", 4.0)
    hook = Shy(9)
    with pytest.raises(SourceError):
        confirm_reachable(hook, pytest.fail)
    assert hook.asked == 1
