"""Pages as answers: rendered with the style of the reports, and with nothing in them that a browser would run or fetch elsewhere."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from ml.report.formats import FILTERS
from ml.report.page import TEMPLATES

_OWN = Path(__file__).parent / "templates"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}


def page(template: str, status: int = 200, **content: Any) -> HTMLResponse:
    """Render a page; everything is escaped."""
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    return HTMLResponse(_environment().get_template(template).render(content, style=style), status, HEADERS)


def file(content: bytes, media_type: str) -> Response:
    """Answer with a file."""
    return Response(content, media_type=media_type, headers=HEADERS)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(_OWN), FileSystemLoader(TEMPLATES)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS, marked=_marked)
    return environment


def _marked(text: str) -> Markup:
    """Show what stands between backticks as code."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts))
