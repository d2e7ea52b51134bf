"""What all operators of the mill have in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NoReturn

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from include.errors import ConfigurationError, MarketmillError, RegistryError
from include.results.errors import ResultsError
from marketmill.reasons import keep_reason


class MillOperator(BaseOperator, ABC):
    """An operator whose errors on purpose fail the task with their one sentence: to try again would not cure them.

    The results database and the registry of models are the exception: one that does not answer may do so a moment later.
    """

    def execute(self, context: Context) -> Any:
        """Do the work."""
        return self.attempt(context)

    def attempt(self, context: Context) -> Any:
        """Do the work, and say which errors are final; Airflow lets nobody else call :meth:`execute`."""
        try:
            refuse_unknown_fields(context)
            return self.work(context)
        except (ResultsError, RegistryError) as error:
            raise AirflowException(f"to be tried again: {error}") from None
        except MarketmillError as error:
            self.log.error("%s", error)  # noqa: TRY400  (the sentence says it all)
            keep_reason(context, str(error))
            raise AirflowFailException(str(error)) from None
        except AirflowSkipException as skipped:
            keep_reason(context, str(skipped))
            raise

    def skip(self, sentence: str) -> NoReturn:
        """End the task as skipped: nothing was to do, and no asset event says otherwise."""
        self.log.info("%s", sentence)
        raise AirflowSkipException(sentence)

    @abstractmethod
    def work(self, context: Context) -> Any:
        """Do the work; a :class:`~include.errors.MarketmillError` is final, but for the databases' own; any other is worth a retry."""


def refuse_unknown_fields(context: Mapping[str, Any]) -> None:
    """Check that a run's conf names fields of its DAG's form only: Airflow would leave a misspelt one unread.

    Raises
    ------
    ConfigurationError
        If it names others.
    """
    run = context.get("dag_run")
    unknown = sorted(set(getattr(run, "conf", None) or {}) - set(getattr(context.get("dag"), "params", ())))
    if unknown:
        raise ConfigurationError(
            f"the form of {context['dag'].dag_id} has no {', '.join(unknown)}; it has {', '.join(sorted(context['dag'].params))}"
        )


def run_name(context: Mapping[str, Any]) -> str:
    """Name of the run that is safe as a folder, and the same for each try of a task."""
    return name_run(context["dag"].dag_id, context["run_id"])


def name_run(dag_id: str, run_id: str) -> str:
    """Name a run as :func:`run_name` does."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{dag_id}__{run_id}")
