from typing import Any

import pytest

from include.errors import ModelError
from ml.report.cards import read_card


def test_reads_a_card(raw_card: dict[str, Any]) -> None:
    card = read_card(raw_card | {"something_new": 1})
    assert card.groups[0].model.metrics["rmse"] == 0.08
    assert card.promises[0].verdict == "met"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"verdict": "splendid"}, "verdict"),
        ({"groups": []}, "groups"),
        ({"promises": []}, "promises"),
        ({"main_metric": {"name": "rmse"}}, "main_metric.unit"),
        ({"seed": None}, "seed"),
    ],
)
def test_names_the_key_that_is_wrong(raw_card: dict[str, Any], change: dict[str, Any], where: str) -> None:
    with pytest.raises(ModelError, match=f"card of volatility_garch cannot be read: {where}.*train it again"):
        read_card(raw_card | change)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "good"])
def test_refuses_a_figure_that_is_none(raw_card: dict[str, Any], value: object) -> None:
    raw_card["groups"][0]["comparison"][0]["metrics"]["rmse"] = value
    with pytest.raises(ModelError, match=r"groups\.0\.comparison\.0\.metrics\.rmse"):
        read_card(raw_card)


def test_refuses_a_comparison_without_the_model(raw_card: dict[str, Any]) -> None:
    raw_card["groups"][0]["comparison"][0]["role"] = "baseline"
    with pytest.raises(ModelError, match="exactly one line of role 'model'"):
        read_card(raw_card)
