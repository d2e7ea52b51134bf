"""The project's programs without a suffix, as modules."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType

from tests.conftest import PROJECT


def load(name: str) -> ModuleType:
    """Load ``bin/<name>`` without running it."""
    loader = SourceFileLoader(name, str(PROJECT / "bin" / name))
    spec = spec_from_loader(name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module
