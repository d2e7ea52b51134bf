"""The application that is built when it is first asked."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest

from marketmill.api.lazy import LazyApplication

MADE: list[str] = []


def make() -> object:
    MADE.append("made")
    time.sleep(0.2)  # all who ask meet while it is built

    async def application(scope, receive, send) -> None:
        await send({"scope": scope["path"]})

    return application


def ask(application: LazyApplication, *paths: str) -> list[dict[str, str]]:
    said: list[dict[str, str]] = []

    async def send(message: dict[str, str]) -> None:
        said.append(message)

    async def all_at_once() -> None:
        await asyncio.gather(*(application({"path": path}, None, send) for path in paths))

    asyncio.run(all_at_once())
    return said


def test_it_is_built_once_for_all_who_ask(monkeypatch):
    monkeypatch.setitem(sys.modules, "lazy_maker", sys.modules[__name__])
    MADE.clear()
    application = LazyApplication("lazy_maker:make")
    assert MADE == []
    assert sorted(message["scope"] for message in ask(application, "/a", "/b", "/a")) == ["/a", "/a", "/b"]
    assert MADE == ["made"]


def test_one_that_cannot_be_built_is_tried_again():
    application = LazyApplication("no_such_module:make")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError):
            ask(application, "/a")


def test_loading_the_plugin_imports_no_server():
    """Every Airflow command loads it."""
    code = (
        "import sys, airflow.plugins_manager; import marketmill.plugin; print(*sorted({'fastapi', 'mlflow', 'pandas'} & set(sys.modules)))"
    )
    before = "import sys, airflow.plugins_manager; print(*sorted({'fastapi', 'mlflow', 'pandas'} & set(sys.modules)))"
    loaded = [
        subprocess.run([sys.executable, "-c", one], capture_output=True, text=True, check=True, timeout=120).stdout
        for one in (code, before)
    ]
    assert loaded[0] == loaded[1]
