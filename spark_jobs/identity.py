"""The identity of the feature set: a hash of everything that can change a name or a number."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from include.errors import ConfigurationError


@lru_cache(maxsize=1)
def feature_set_id() -> str:
    """Sixteen hexadecimal digits over the text of the feature modules, which holds every name, formula and kernel.

    Nothing of it is imported, so that asking takes no time.
    """
    return hash_sources(files("spark_jobs.features"))


def hash_sources(folder: Traversable) -> str:
    """Hash of the Python files of a folder, names and text.

    Raises
    ------
    ConfigurationError
        If there is none: then nothing would tell two feature sets apart.
    """
    sources = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name.endswith(".py")}
    if not sources:
        raise ConfigurationError(
            f"{folder} holds no Python source, so the feature set has no identity; install the project with its sources"
        )
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(f"{name}\n{len(sources[name])}\n{sources[name]}".encode())
    return digest.hexdigest()[:16]
