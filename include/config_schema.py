"""JSON schemas of the YAML files, for editors and for people; ``python -m include.config_schema`` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from include.costs import CostsFile
from include.quality import Quality
from include.settings import PROJECT, Settings
from include.universes import Universe

FOLDER = PROJECT / "include" / "config" / "schema"
_MODELS: dict[str, type[BaseModel]] = {"settings": Settings, "universe": Universe, "quality": Quality, "costs": CostsFile}


def render() -> dict[str, str]:
    """Text of each schema file by its name. Defaults that are paths of this machine are left out."""
    rendered = {}
    for name, model in _MODELS.items():
        schema = model.model_json_schema(by_alias=False)
        for prop in schema["properties"].values():
            if str(PROJECT) in str(prop.get("default", "")):
                del prop["default"]
        rendered[f"{name}.json"] = json.dumps(schema, indent=2, sort_keys=True) + "\n"
    return rendered


def main(folder: Path = FOLDER) -> None:
    """Write the schema files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in render().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
