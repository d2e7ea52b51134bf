"""What every form promises: each field is explained, and what can be no answer is refused before a run exists."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import ParamValidationError

from tests.conftest import PROJECT

BAG = DagBag(dag_folder=str(PROJECT / "dags"), collect_dags=True)
FIELDS = [(dag_id, name) for dag_id, dag in sorted(BAG.dags.items()) for name in dag.params]
#: Nobody means this, whatever the field is about.
NONSENSE: list[Any] = [
    "",
    "two\nlines",
    "a\0b",
    "../../etc/passwd\n",
    10**12,
    -(10**12),
    1.5,
    True,
    ["<b>"],
    [["x"]],
    {"x": {}},
]


def schema_of(dag_id: str, name: str) -> dict[str, Any]:
    return BAG.dags[dag_id].params.get_param(name).schema


def filled(dag_id: str, form: dict[str, Any]) -> None:
    params = deepcopy(BAG.dags[dag_id].params)
    params.update(form)
    params.validate()


def is_meant(schema: dict[str, Any], value: Any) -> bool:
    types = {schema["type"]} if isinstance(schema["type"], str) else {*schema["type"]}
    if isinstance(value, bool):
        return "boolean" in types
    if isinstance(value, int | float):
        within = schema.get("minimum", value) <= value <= schema.get("maximum", value)
        return within and ("number" in types or ("integer" in types and isinstance(value, int)))
    return False


@pytest.mark.parametrize(("dag_id", "name"), FIELDS)
def test_a_field_is_explained(dag_id, name):
    param = BAG.dags[dag_id].params.get_param(name)
    assert param.schema["title"][0].isupper(), "a title is written as one"
    assert param.description.rstrip().endswith((".", ")"))
    types = param.schema["type"]
    shown = {"enum", "examples", "format", "minimum"} & set(param.schema)
    assert shown or "boolean" in types or "for example" in param.description.lower(), "an example, or what can be chosen"


def takes(dag_id: str, form: dict[str, Any]) -> bool:
    try:
        filled(dag_id, form)
    except ParamValidationError:
        return False
    return True


@pytest.mark.parametrize(("dag_id", "name"), FIELDS)
def test_nonsense_is_refused(dag_id, name):
    schema = schema_of(dag_id, name)
    assert [value for value in NONSENSE if not is_meant(schema, value) and takes(dag_id, {name: value})] == []


@pytest.mark.parametrize(("dag_id", "name"), FIELDS)
def test_what_is_suggested_is_taken(dag_id, name):
    schema = schema_of(dag_id, name)
    for value in [*schema.get("examples", ()), *schema.get("enum", ())]:
        filled(dag_id, {name: [value] if "array" in schema["type"] else value})


@pytest.mark.parametrize(
    ("dag_id", "form"),
    [
        ("backfill_market", {"universe": "Global 26"}),
        ("backfill_market", {"source": "bloomberg"}),
        ("backfill_market", {"symbols": ["aapl"]}),
        ("backfill_market", {"start": "2018-13-01"}),
        ("backfill_market", {"start": "01/02/2018"}),
        ("backfill_market", {"years": 0}),
        ("backfill_market", {"years": "ten"}),
        ("backfill_market", {"timeframe": "2d"}),
        ("train_models", {"models": ["Direction"]}),
        ("train_models", {"months": ["2018-13"]}),
        ("train_models", {"seed": -1}),
        ("promote_models", {"action": "sell"}),
        ("promote_models", {"version": "latest"}),
        ("promote_models", {"require_approval": "yes"}),
        ("forecast_industry", {"peers": []}),
        ("forecast_industry", {"horizon": 0}),
        ("snapshot_option_chains", {"expiries": ["January"]}),
    ],
)
def test_a_wrong_answer_is_refused(dag_id, form):
    with pytest.raises(ParamValidationError):
        filled(dag_id, form)
