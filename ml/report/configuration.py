"""What the page was made with, so that it can be made again."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version

from include.lake import Lake
from include.publish import dataset_content, list_months

_LIBRARIES = (
    "apache-airflow",
    "pyspark",
    "great-expectations",
    "mlflow",
    "pandas",
    "numpy",
    "pyarrow",
    "numba",
    "xgboost",
    "arch",
    "exchange-calendars",
)


def versions() -> dict[str, str]:
    """Python and the libraries that the numbers come from, as installed here."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def content_hash(lake: Lake, dataset: str) -> str:
    """SHA-256 over the content hashes of all months of a dataset; equal content, equal hash."""
    content = dataset_content(lake, dataset, list_months(lake, dataset))
    return hashlib.sha256("".join(f"{month}:{content[month]};" for month in sorted(content)).encode()).hexdigest()
