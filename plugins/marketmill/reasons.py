"""Why a task ended as it did, in its one sentence, kept where others than the log's readers find it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Key of the XCom of the task.
REASON = "reason"


def keep_reason(context: Mapping[str, Any], sentence: str) -> None:
    """Keep the sentence beside the task; a retry of the task forgets it."""
    if "ti" in context:
        context["ti"].xcom_push(key=REASON, value=sentence)
