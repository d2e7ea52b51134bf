"""Where the report of a run lies."""

from __future__ import annotations

import re

from include.errors import ConfigurationError

FOLDER = "reports"
DATA_DOCS = f"{FOLDER}/data_docs/index.html"
_RUN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~:+\-]*")


def report_path(run: str) -> str:
    """Path of the page of ``run`` below the lake's root.

    Raises
    ------
    ConfigurationError
        If the run's name cannot be one folder, or is that of the Data Docs.
    """
    if not _RUN.fullmatch(run) or run == "data_docs":
        raise ConfigurationError(f"{run!r} cannot name a run: letters, digits and _ . ~ : + - only, no dot first, and not data_docs")
    return f"{FOLDER}/{run}/index.html"


def quality_path(run: str) -> str:
    """Path of the quality page of ``run``, beside its report.

    Raises
    ------
    ConfigurationError
        As :func:`report_path`.
    """
    return f"{report_path(run).removesuffix('index.html')}quality.html"
