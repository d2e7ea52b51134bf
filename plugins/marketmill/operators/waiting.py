"""An operator that leaves its worker to others while a vendor is to be left alone."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

from airflow.sdk import Context

from marketmill.operators.base import MillOperator


class WaitingOperator(MillOperator, ABC):
    """Work that may be put off: after :meth:`wait_until` it begins anew, with ``done`` as it was given."""

    #: What need not be done again after a wait.
    done: Sequence[str] = ()

    def wait_until(self, until: datetime, done: Sequence[str] = ()) -> NoReturn:
        """Give up the worker slot until a moment (UTC); a trigger that sleeps brings the task back."""
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        self.log.info("waiting until %s UTC, without a worker slot", f"{until:%Y-%m-%d %H:%M:%S}")
        self.defer(trigger=DateTimeTrigger(moment=until), method_name="resume", kwargs={"done": list(done)})

    def resume(self, context: Context, event: Any, done: Sequence[str] = ()) -> Any:  # noqa: ARG002
        """Go on after a wait; ``airflow dags test`` does not say what is done."""
        self.done = done
        return self.attempt(context)
