"""The identity of the feature set: a hash of everything that can change a name or a number."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

_SOURCES = Path(__file__).parent / "features"


@lru_cache(maxsize=1)
def feature_set_id(sources: Path = _SOURCES) -> str:
    """Sixteen hexadecimal digits over the text of the feature modules.

    The text holds every name, formula and kernel. Nothing is imported, so that asking takes no time.
    """
    digest = hashlib.sha256()
    for path in sorted(sources.glob("*.py")):
        digest.update(f"{path.name}\n".encode())
        digest.update(path.read_text(encoding="utf-8").encode())
    return digest.hexdigest()[:16]
