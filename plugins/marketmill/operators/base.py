"""What all operators of the mill have in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NoReturn

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.errors import MarketmillError


class MillOperator(BaseOperator, ABC):
    """An operator whose errors on purpose fail the task with their one sentence: to try again would not cure them."""

    def execute(self, context: Context) -> Any:
        """Do the work."""
        try:
            return self.work(context)
        except MarketmillError as error:
            self.log.error("%s", error)  # noqa: TRY400  (the sentence says it all)
            raise AirflowFailException(str(error)) from None

    def skip(self, sentence: str) -> NoReturn:
        """End the task as skipped: nothing was to do, and no asset event says otherwise."""
        self.log.info("%s", sentence)
        raise AirflowSkipException(sentence)

    @abstractmethod
    def work(self, context: Context) -> Any:
        """Do the work; a :class:`~include.errors.MarketmillError` is final, any other exception is worth a retry."""


def run_name(context: Mapping[str, Any]) -> str:
    """Name of the run that is safe as a folder, and the same for each try of a task."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{context['dag'].dag_id}__{context['run_id']}")
