"""Tell people what they would want to know: failures, much quarantine, promotions, drift.

Off until there is a connection :data:`CONNECTION` of the type *Apprise*, whose ``config`` is a list of services: chat, mail, a
webhook. A service with a tag hears of that topic only, one without a tag of all. What cannot be delivered is logged; it never
fails what it tells of.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from airflow.sdk.exceptions import AirflowNotFoundException

CONNECTION = "notifications_default"
_MOST_CHARACTERS = 2000
#: Services with this tag hear of everything: Apprise's own word.
_ALWAYS = "always"
_LOG = logging.getLogger(__name__)


class Topic(StrEnum):
    """What a message is about, and the tag by which a service asks for it."""

    FAILURE = "failure"
    QUARANTINE = "quarantine"
    PROMOTION = "promotion"
    DRIFT = "drift"


def notify(topic: Topic, title: str, body: str) -> None:
    """Send a message to the services that want it; does nothing without the connection."""
    try:
        services = _services()
        if not services:
            return
        import apprise

        sender = apprise.Apprise()
        unusable = [number for number, (path, tag) in enumerate(services, start=1) if not sender.add(path, tag=tag)]
        # By number, not by address: addresses hold passwords.
        for number in unusable:
            _LOG.warning("connection %s: service %d is no address that Apprise knows", CONNECTION, number)
        kind = apprise.NotifyType.SUCCESS if topic is Topic.PROMOTION else apprise.NotifyType.WARNING
        answer = sender.notify(body=body[:_MOST_CHARACTERS], title=f"Marketmill: {title}", notify_type=kind, tag=topic.value)
        # Where nobody asked for the topic, nothing was to be delivered.
        if not answer and len(answer):
            _LOG.warning("connection %s: not every service took the message %r", CONNECTION, title)
    except Exception as error:  # noqa: BLE001 - a message that is lost must not fail the work that it tells of
        _LOG.warning("the message %r was not sent: %s", title, type(error).__name__)


def notify_failure(context: Mapping[str, Any]) -> None:
    """Tell that a task failed for good; for ``on_failure_callback``."""
    instance = context["ti"]
    place = "" if getattr(instance, "map_index", -1) < 0 else f" [{instance.map_index}]"
    title = f"{context['dag'].dag_id}.{instance.task_id}{place} failed"
    where = getattr(instance, "log_url", None)
    notify(Topic.FAILURE, title, "\n".join(filter(None, [str(context.get("exception") or "no reason given"), context["run_id"], where])))


def _services() -> list[tuple[str, str]]:
    """Address and tag of each service of the connection; none where there is no connection."""
    from airflow.providers.apprise.hooks.apprise import AppriseHook

    hook = AppriseHook(CONNECTION)
    try:
        connection = hook.get_connection(CONNECTION)
    except AirflowNotFoundException:
        return []
    config = hook.get_config_from_conn(connection)
    entries = [config] if isinstance(config, dict) else config
    return [(entry["path"], entry.get("tag") or _ALWAYS) for entry in entries]
