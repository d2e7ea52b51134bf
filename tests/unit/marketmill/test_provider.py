"""Airflow finds the forms of the connections without anything being installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import subprocess
import sys
import tomllib

import pytest

from marketmill.provider import get_provider_info
from tests.conftest import PROJECT

TYPES = {described["connection-type"]: described for described in get_provider_info()["connection-types"]}

SHOW = """
import json, sys
from airflow.providers_manager import ProvidersManager
manager = ProvidersManager()
shown = {
    kind: {
        "fields": sorted(name for name in manager.connection_form_widgets if name.startswith(f"extra__{kind}__")),
        "hidden": manager.field_behaviours[kind]["hidden_fields"],
        "testable": manager.hooks[kind].connection_testable,
    }
    for kind in sys.argv[1:]
}
print(json.dumps(shown))
"""
#: Fails where the provider needs Airflow to be there.
ALONE = "import sys; sys.modules['airflow'] = None; from marketmill.provider import get_provider_info; get_provider_info()"


def test_the_version_is_the_projects():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert get_provider_info()["versions"] == [project["version"]]
    assert importlib.metadata.version("marketmill") == project["version"]
    [found] = (PROJECT / "plugins").glob("*.dist-info")
    assert found.name == f"marketmill-{project['version']}.dist-info"


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_names_its_own_hook(kind):
    module, _, name = TYPES[kind]["hook-class-name"].rpartition(".")
    hook = getattr(importlib.import_module(module), name)
    assert (hook.conn_type, hook.hook_name, hook.default_conn_name) == (kind, TYPES[kind]["hook-name"], f"{kind}_default")


def test_airflow_shows_forms_with_our_fields():
    answer = subprocess.run([sys.executable, "-c", SHOW, *TYPES], capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(answer.stdout.splitlines()[-1]) == {
        kind: {
            "fields": sorted(f"extra__{kind}__{name}" for name in described["conn-fields"]),
            "hidden": described["ui-field-behaviour"]["hidden-fields"],
            "testable": True,
        }
        for kind, described in TYPES.items()
    }


def test_the_provider_needs_no_airflow():
    subprocess.run([sys.executable, "-c", ALONE], check=True, timeout=60)
