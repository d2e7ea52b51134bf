"""Where Airflow's UI shows the pages: in its navigation, and as a tab of each run."""

from __future__ import annotations


def _entry(name: str, path: str) -> dict[str, str]:
    return {
        "name": name,
        # No slash first: Airflow may be served below a path of its own.
        "href": f"marketmill/pages/{path}",
        "destination": "nav",
        "url_route": f"marketmill-{path}",
    }


#: ``{DAG_ID}`` and ``{RUN_ID}`` are filled in by the UI.
VIEWS: list[dict[str, str]] = [
    _entry("Reports", "reports"),
    _entry("Quality", "quality"),
    _entry("Data Docs", "data-docs"),
    _entry("Features", "features"),
    _entry("Models", "models"),
    {
        "name": "Report",
        "href": "marketmill/pages/runs/{DAG_ID}/{RUN_ID}",
        "destination": "dag_run",
        "url_route": "marketmill-report",
    },
]
