"""The model board: who serves, who waits for the gate, what they promised, and every version there was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from include.errors import ModelError
from ml import registry
from ml.catalog import CATALOG, Entry
from ml.promotion import DEMOTED_AT, DEMOTED_BY, KEPT_OUT_AT, KEPT_OUT_BECAUSE, PROMOTED_AT
from ml.report.cards import Card, read_card

#: Of longer histories the newest are shown.
MOST_VERSIONS = 30


@dataclass(frozen=True)
class BoardVersion:
    """A version that holds an alias: its card, or the ``problem`` for which it is refused."""

    alias: str
    version: str
    card: Card | None
    reason: str
    approved_by: str
    problem: str | None = None


@dataclass(frozen=True)
class BoardLine:
    """One line of a model's history."""

    version: str
    created_at: datetime
    alias: str
    stage: str
    verdict: str | None
    reason: str


@dataclass(frozen=True)
class BoardModel:
    """One model of the catalogue."""

    entry: Entry
    held: list[BoardVersion] = field(default_factory=list)
    lines: list[BoardLine] = field(default_factory=list)
    more: int = 0

    @property
    def champion(self) -> BoardVersion | None:
        """Who serves."""
        return next((one for one in self.held if one.alias == registry.CHAMPION), None)


def read_board() -> list[BoardModel]:
    """Read all models of the catalogue from the registry; a version that is refused is told, not left out."""
    holders = registry.holders()
    return [_model(entry, holders.get(entry.model_id)) for entry in CATALOG.values()]


def _model(entry: Entry, aliases: Mapping[str, str] | None) -> BoardModel:
    if aliases is None:
        return BoardModel(entry)
    notes = registry.history(entry.model_id)
    names = {version: alias for alias, version in aliases.items()}
    lines = [
        BoardLine(
            note.version,
            note.created_at,
            names.get(note.version, ""),
            note.tags.get(registry.STAGE, ""),
            note.tags.get(registry.VERDICT),
            _reason(note.tags),
        )
        for note in notes
    ]
    held = [_held(entry.model_id, alias, aliases[alias]) for alias in (registry.CHAMPION, registry.CHALLENGER) if alias in aliases]
    return BoardModel(entry, held, lines[:MOST_VERSIONS], max(len(lines) - MOST_VERSIONS, 0))


def _reason(tags: Mapping[str, str]) -> str:
    promoted = tags.get("promoted_because", "")
    if PROMOTED_AT in tags:
        promoted = f"on {tags[PROMOTED_AT][:10]} by {tags.get('approved_by', 'the gate alone')}: {promoted}"
    demoted = f"demoted on {tags[DEMOTED_AT][:10]} by {tags.get(DEMOTED_BY, 'somebody')}" if DEMOTED_AT in tags else ""
    # Of a version that was promoted after all it says nothing any more.
    last = tags.get(KEPT_OUT_AT, "") > tags.get(PROMOTED_AT, "")
    kept_out = f"kept out on {tags[KEPT_OUT_AT][:10]}: {tags.get(KEPT_OUT_BECAUSE, '')}" if last else ""
    told = {PROMOTED_AT: promoted, DEMOTED_AT: demoted, KEPT_OUT_AT: kept_out}
    return "; ".join(told[tag] for tag in sorted(told, key=lambda tag: tags.get(tag, "")) if told[tag])


def _held(model_id: str, alias: str, version: str) -> BoardVersion:
    try:
        found = registry.get(model_id, version)
        return BoardVersion(
            alias, version, read_card(found.card), found.tags.get("promoted_because", ""), found.tags.get("approved_by", "")
        )
    except ModelError as error:
        return BoardVersion(alias, version, None, "", "", str(error))
