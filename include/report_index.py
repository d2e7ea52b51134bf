"""One page that leads to all others: the reports and quality pages of the runs, and the Data Docs."""

from __future__ import annotations

from html import escape

from include.lake import Lake

FOLDER = "reports"
DATA_DOCS = "data_docs"
INDEX = f"{FOLDER}/index.html"

_STYLE = (
    ":root { color-scheme: light dark; } body { font: 16px/1.6 system-ui, sans-serif; max-width: 50rem; margin: 1.5rem auto; "
    "padding: 0 1rem; } li { overflow-wrap: anywhere; }"
)


def write_index(lake: Lake) -> None:
    """Write the page anew, from what lies in the lake's folder of reports."""
    with lake.lock(FOLDER):
        lake.write(INDEX, _page(lake).encode())


def _page(lake: Lake) -> str:
    runs = "".join(_run(lake, run) for run in reversed(lake.folders(FOLDER)) if run != DATA_DOCS)
    docs = f'<p><a href="{DATA_DOCS}/index.html">Data Docs</a>: what the newest checks found, rule by rule.</p>'
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Marketmill reports</title><style>{_STYLE}</style></head><body><h1>Marketmill reports</h1>"
        f"{docs if lake.exists(f'{FOLDER}/{DATA_DOCS}/index.html') else ''}"
        f"<h2>Runs</h2>{f'<ul>{runs}</ul>' if runs else '<p>No report was published yet.</p>'}</body></html>"
    )


def _run(lake: Lake, run: str) -> str:
    pages = {"index.html": "report", "quality.html": "quality page"}
    there = [f'<a href="{escape(run)}/{name}">{words}</a>' for name, words in pages.items() if lake.exists(f"{FOLDER}/{run}/{name}")]
    return f"<li>{escape(run)}: {', '.join(there)}</li>" if there else ""
