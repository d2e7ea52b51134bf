"""What the gate found, as a page of Markdown for whoever approves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml.gate import Decision, Evidence, Gain, readable

_FACTS = ("verdict", "trained_date", "training_samples", "universe", "feature_set", "data_hash")
_HASH_SHOWN = 12


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
        _legend(decision.evidence),
        "",
        "| | challenger | champion |",
        "|---|---|---|",
        *(f"| {name} | {_fact(challenger, name)} | {_fact(other, name)} |" for name in _FACTS),
        f"| data | {_window(challenger)} | {_window(other)} |",
        "",
        "### Promised, and what was found",
        *(f"- **{promise['verdict']}**: promised: {promise['text']}; found: {promise['reason']}" for promise in challenger["promises"]),
        "",
        "### Canaries",
        *_canaries(challenger["canaries"]),
        "",
        f"**Approve** and this version says every prediction from the next run of `predict` on; {takes_back}.",
        "**Reject** and nothing changes.",
    ]
    return "\n".join(lines) + "\n"


def _legend(evidence: Sequence[Evidence]) -> str:
    measures = " or ".join(dict.fromkeys(readable(one.metric) for one in evidence))
    return (
        f"Figures are how much of the other line's {measures} is saved, then the loss saved a day, each with its 95 % interval, on "
        "walk-forward rows that both stated; above 0 is better."
    )


def _fact(card: Mapping[str, Any], name: str) -> str:
    value = str(card.get(name, "–"))
    return value[:_HASH_SHOWN] if name == "data_hash" else value


def _window(card: Mapping[str, Any]) -> str:
    return f"{card['window']['first']} to {card['window']['last']}" if card else "–"


def _row(one: Evidence) -> str:
    against = f"{_gain(one, one.gain)} ({one.champion_line})" if one.gain else "–"
    simplest, strongest = f"{_gain(one, one.edge)} ({one.baseline})", f"{_gain(one, one.beyond)} ({one.strongest})"
    return f"| {one.label} | {one.rows} | {one.days} | {simplest} | {strongest} | {one.line} | {against} |"


def _gain(one: Evidence, gain: Gain) -> str:
    share, raw = gain.share(one.metric), f"{gain.mean:+.3g} [{gain.low:+.3g}, {gain.high:+.3g}]"
    return f"**{share.mean:+.1%}** [{share.low:+.1%}, {share.high:+.1%}]; {raw}" if share else raw


def _canaries(canaries: Mapping[str, Any]) -> list[str]:
    return [
        f"- {name}: {found['verdict']}{': ' + str(found['reason']) if 'reason' in found else ''}"
        for name, found in canaries.items()
        if isinstance(found, Mapping)
    ]
