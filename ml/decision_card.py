"""What the gate found, as a page of Markdown for whoever approves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.gate import Decision, Evidence
from ml.validation.significance import Interval

_FACTS = ("verdict", "trained_date", "training_samples", "universe", "feature_set", "data_hash")


def render(decision: Decision, challenger: Mapping[str, Any], champion: Mapping[str, Any] | None) -> str:
    """Write the page.

    Parameters
    ----------
    challenger, champion
        Their model cards.
    """
    title = f"## {decision.model_id}: version {decision.version}"
    against = f" in place of {decision.champion}" if decision.champion else ""
    takes_back = f"`python -m ml.promotion demote {decision.model_id}` takes it back"
    other = champion or {}
    lines = [
        title + against,
        "",
        f"**The gate says {decision.outcome}**: {decision.reason}.",
        "",
        f"*{challenger['question']}*",
        "",
        "| label | rows | days | against the simplest baseline | against the strongest line | would serve | against the champion |",
        "|---|---|---|---|---|---|---|",
        *(_row(one) for one in decision.evidence),
        "",
        "Figures are the loss saved a day with its 95 % interval, on walk-forward rows that both stated; above 0 is better.",
        "",
        "| | challenger | champion |",
        "|---|---|---|",
        *(f"| {name} | {_fact(challenger, name)} | {_fact(other, name)} |" for name in _FACTS),
        f"| data | {_window(challenger)} | {_window(other)} |",
        "",
        "### Promises",
        *(f"- **{promise['verdict']}**: {promise['text']} ({promise['reason']})" for promise in challenger["promises"]),
        "",
        "### Canaries",
        *_canaries(challenger["canaries"]),
        "",
        f"**Approve** and this version says every prediction from the next run of `predict` on; {takes_back}.",
        "**Reject** and nothing changes.",
    ]
    return "\n".join(lines) + "\n"


def _fact(card: Mapping[str, Any], name: str) -> str:
    return str(card.get(name, "–"))


def _window(card: Mapping[str, Any]) -> str:
    return f"{card['window']['first']} to {card['window']['last']}" if card else "–"


def _row(one: Evidence) -> str:
    against = f"{_interval(one.gain)} ({one.champion_line})" if one.gain else "–"
    simplest, strongest = f"{_interval(one.edge)} ({one.baseline})", f"{_interval(one.beyond)} ({one.strongest})"
    return f"| {one.label} | {one.rows} | {one.days} | {simplest} | {strongest} | {one.line} | {against} |"


def _interval(interval: Interval) -> str:
    return f"{interval.mean:+.3g} [{interval.low:+.3g}, {interval.high:+.3g}]"


def _canaries(canaries: Mapping[str, Any]) -> list[str]:
    return [f"- {name}: {found['verdict']}" for name, found in canaries.items() if isinstance(found, Mapping)]
