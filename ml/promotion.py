"""Who serves: promotion through the gate, demotion, and what steps in where a champion is refused.

``python -m ml.promotion demote <model_id>`` gives a model back to the champion before; ``promote <model_id>`` asks the gate and
obeys it.
"""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from include.errors import MarketmillError, ModelError
from ml import registry
from ml.catalog import find_entry
from ml.gate import Decision, Outcome, decide
from ml.registry import Registered

DEMOTED_AT, DEMOTED_BY, PROMOTED_AT = "demoted_at", "demoted_by", "promoted_at"
KEPT_OUT_AT, KEPT_OUT_BECAUSE = "kept_out_at", "kept_out_because"
_REPLACED = "replaced"
_SERVES = "serves"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Serving:
    """The version that serves, with the line it serves by label, and the sentences by which champions before it were refused."""

    version: Registered
    serves: Mapping[str, str]
    refused: tuple[str, ...] = ()


def serving(model_id: str) -> Serving | None:
    """Open the champion; where it is damaged, the champion that it replaced, loudly. None where there never was one.

    Raises
    ------
    ModelError
        If each champion there was is refused.
    """
    refused: list[str] = []
    for version in _champions(model_id):
        try:
            found = registry.get(model_id, version)
            found.load()
        except ModelError as error:
            refused.append(str(error))
            _LOG.error("%s; looking for the champion before it", error)
            continue
        return Serving(found, json.loads(found.tags.get(_SERVES, "{}")), tuple(refused))
    if refused:
        raise ModelError(f"no champion of {model_id} can serve: {'; '.join(refused)}")
    return None


def propose(model_id: str, version: str | None = None) -> Decision | None:
    """Ask the gate about a version (None: the challenger); None where there is no challenger.

    It is compared with what serves; the decision's ``champion`` is who holds the alias, which differs where that one is damaged.

    Raises
    ------
    ModelError
        If the version does not exist or is refused, or its evidence cannot be compared.
    """
    version = version or registry.holder(model_id, registry.CHALLENGER)
    if version is None:
        return None
    champion = registry.holder(model_id, registry.CHAMPION)
    try:
        now = serving(model_id)
    except ModelError:
        now = None  # whoever passes as a first champion is better than one that is refused
    first = not any(_SERVES in note.tags for note in registry.history(model_id))
    decision = decide(registry.get(model_id, version), now.version if now else None, now.serves if now else {}, first=first)
    return replace(decision, champion=champion)


def promote(model_id: str, version: str, *, expected: str | None, serves: Mapping[str, str], reason: str, approved_by: str = "") -> None:
    """Make a version that passed the gate the champion.

    Parameters
    ----------
    expected
        The champion that the gate compared with, None: there was none.
    serves
        By label the line to serve.

    Raises
    ------
    ModelError
        If the version is refused, or the champion changed since.
    """
    registry.get(model_id, version).load()
    tags = {_SERVES: json.dumps(dict(serves)), "promoted_because": reason, "approved_by": approved_by or "the gate alone"}
    tags |= {PROMOTED_AT: _now()}
    registry.swap_champion(model_id, version, expected=expected, tags=tags | ({_REPLACED: expected} if expected else {}))
    _LOG.info("%s: version %s is champion: %s", model_id, version, reason)


def keep_out(model_id: str, version: str, reason: str) -> None:
    """Note on a version why it does not become champion; the champion itself stays as it is."""
    if version != registry.holder(model_id, registry.CHAMPION):
        registry.note(model_id, version, {KEPT_OUT_AT: _now(), KEPT_OUT_BECAUSE: reason})


def demote(model_id: str, *, by: str) -> tuple[str, str | None]:
    """Give the alias back to the newest former champion that can serve; returns the demoted version and the one that serves now.

    ``by`` is who wants it; it stands on the version.

    Raises
    ------
    ModelError
        If there is no champion.
    """
    champions = _champions(model_id)
    demoted = next(champions, None)
    if demoted is None:
        raise ModelError(f"model {model_id} has no champion to demote")
    before = next((version for version in champions if _opens(model_id, version)), None)
    registry.swap_champion(model_id, before, expected=demoted, former={DEMOTED_AT: _now(), DEMOTED_BY: by})
    _LOG.warning("%s: version %s is demoted, %s", model_id, demoted, f"version {before} serves again" if before else "none serves")
    return demoted, before


def is_demoted(model_id: str) -> bool:
    """Whether the last thing that happened to the model's champions was that somebody demoted one."""
    notes = registry.history(model_id)
    last = {tag: max((note.tags.get(tag, "") for note in notes), default="") for tag in (PROMOTED_AT, DEMOTED_AT)}
    return last[DEMOTED_AT] > last[PROMOTED_AT]


def main(arguments: list[str]) -> int:
    """Run one command; the exit code is 0 where it did what it was asked for."""
    parser = argparse.ArgumentParser(prog="python -m ml.promotion", description="Who serves.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("demote", "give a model back to the champion before"), ("promote", "ask the gate, and obey it")):
        command = commands.add_parser(name, help=text)
        command.add_argument("model_id")
        if name == "promote":
            command.add_argument("version", nargs="?", help="empty: the challenger")
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        model_id = find_entry(asked.model_id).model_id
        if asked.command == "demote":
            demote(model_id, by=getpass.getuser())
            return 0
        decision = propose(model_id, asked.version)
        if decision is not None and decision.outcome is Outcome.PROMOTE:
            promote(model_id, decision.version, expected=decision.champion, serves=decision.serves, reason=decision.reason)
            return 0
        if decision is not None:
            keep_out(model_id, decision.version, decision.reason)
    except MarketmillError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    _LOG.info("%s: %s", model_id, decision.reason if decision else "there is no challenger")
    return 1 if decision is not None and decision.outcome is Outcome.REFUSE else 0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _champions(model_id: str) -> Iterator[str]:
    """Yield the champion, the one that it replaced, and so on; each once."""
    seen: set[str] = set()
    version = registry.holder(model_id, registry.CHAMPION)
    while version is not None and version not in seen:
        yield version
        seen.add(version)
        version = registry.tags(model_id, version).get(_REPLACED)


def _opens(model_id: str, version: str) -> bool:
    try:
        registry.get(model_id, version).load()
    except ModelError as error:
        _LOG.error("%s", error)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
