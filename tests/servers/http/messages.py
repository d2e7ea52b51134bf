"""One HTTP request and one answer, free of any socket."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

HTML = "text/html; charset=UTF-8"
JSON = "application/json;charset=UTF-8"
TEXT = "text/plain;charset=utf-8"


@dataclass(frozen=True)
class Request:
    """What the client asked.

    Parameters
    ----------
    method, host, target
        Verb, ``Host`` header without port, and path with query as sent.
    headers
        Names in lower case.
    body
        Empty without one.
    """

    method: str
    host: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """Path without query, percent signs decoded."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; of a repeated one the last."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def decoded(self) -> str:
        """Host and target as text with percent signs decoded: what a fault's ``matching`` looks into."""
        return self.host + unquote(self.target)


@dataclass(frozen=True)
class Answer:
    """What the client gets."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
        """``content`` as JSON."""
        body = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
        return cls(status, body, JSON, headers or {})

    @classmethod
    def html(cls, status: int, title: str) -> Answer:
        """A web server's own page, as it comes instead of JSON when the service behind it fails."""
        page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        return cls(status, (page + "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n").encode(), HTML)
