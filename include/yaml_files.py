"""Read a YAML file into a frozen pydantic model, with errors a person can act on."""

from __future__ import annotations

from pathlib import Path
from reprlib import Repr
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from include.errors import ConfigurationError

Model = TypeVar("Model", bound=BaseModel)
#: A wrong value is shown as far as a person reads it, however large it is.
_SHOWN = Repr()
_SHOWN.maxlevel, _SHOWN.maxstring, _SHOWN.maxother = 2, 80, 80


class _PlainLoader(yaml.SafeLoader):
    """Reads no alias: a few lines of them stand for more than any memory holds."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, f"the alias *{event.anchor} is not allowed; write it out", event.start_mark)
        return super().compose_node(parent, index)


def load_yaml(path: Path, model: type[Model]) -> Model:
    """Read ``path`` as ``model``.

    Raises
    ------
    ConfigurationError
        If the file is missing, is no YAML mapping, or a key is unknown, missing or has a value that is not allowed.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)  # noqa: S506 (a safe one)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: must hold keys and values, holds {type(content).__name__}")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {explain(error, model)}") from error


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Each fault as ``key: what is wrong``; for an unknown key, the keys there are."""
    faults = []
    places = [fault["loc"] for fault in error.errors()]
    for fault in error.errors():
        if any(len(place) > len(fault["loc"]) and place[: len(fault["loc"])] == fault["loc"] for place in places):
            continue  # what holds a faulty part counts as empty without it
        key = ".".join(str(part) for part in fault["loc"]) or "file"
        if fault["type"] == "extra_forbidden":
            allowed = f" (allowed: {', '.join(model.model_fields)})" if len(fault["loc"]) == 1 else ""
            faults.append(f"{key}: is not a known key{allowed}")
        elif fault["type"] == "missing":
            faults.append(f"{key}: is missing")
        else:
            faults.append(f"{key}: {fault['msg']}, got {_SHOWN.repr(fault['input'])}")
    return "; ".join(faults)
