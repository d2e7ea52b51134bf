from collections.abc import Callable
from typing import Any

import pytest

from ml.report.cards import read_card
from ml.report.comparisons import Comparison, Standing, compare

Change = Callable[..., dict[str, Any]]


def only(raw: dict[str, Any]) -> Comparison:
    return compare(read_card(raw))[0]


def test_difference_is_against_the_strongest_baseline(raw_card: dict[str, Any]) -> None:
    table = only(raw_card)
    assert table.baseline is not None
    assert table.reference is not None
    assert (table.baseline.name, table.reference.name) == ("simple", "cousin")
    assert table.difference == pytest.approx(-0.2)
    assert table.reference_difference == pytest.approx(-0.5)
    assert [row.difference for row in table.rows] == [pytest.approx(-0.2), pytest.approx(1.0), None, pytest.approx(0.6)]
    assert [row.strongest for row in table.rows] == [False, False, True, False]


def test_marks_the_best_of_each_metric_that_has_one(raw_card: dict[str, Any]) -> None:
    best = {title: [row.cells[place].best for row in only(raw_card).rows] for place, title in enumerate(only(raw_card).titles)}
    assert best == {
        "RMSE": [True, False, False, False],
        "accuracy": [False, False, True, False],
        "90 % coverage": [False, False, False, False],
    }


@pytest.mark.parametrize(
    ("values", "standing"),
    [
        ({}, Standing.BETTER),
        ({"cousin": 0.07}, Standing.MATCHED),
        ({"cousin": 0.08}, Standing.MATCHED),
        ({"simple": 0.08}, Standing.WORSE),
        ({"simple": 0.079, "cousin": 0.5}, Standing.WORSE),
        ({"model": None}, Standing.WORSE),
    ],
)
def test_standing_of_the_model(with_metrics: Change, values: dict[str, float], standing: Standing) -> None:
    assert only(with_metrics(**values)).standing == standing


def test_higher_is_better_turns_everything_round(raw_card: dict[str, Any]) -> None:
    raw_card["main_metric"] = {"name": "accuracy", "unit": "share", "lower_is_better": False}
    table = only(raw_card)
    assert table.baseline is not None
    assert (table.baseline.name, table.standing) == ("simple", Standing.WORSE)
    assert table.difference == pytest.approx(0.5 / 0.6 - 1)


def test_a_group_without_baselines_claims_nothing(raw_card: dict[str, Any]) -> None:
    raw_card["groups"][0]["comparison"] = raw_card["groups"][0]["comparison"][:1]
    table = only(raw_card)
    assert (table.baseline, table.difference, table.baseline_text, table.standing) == (None, None, "–", Standing.WORSE)
    assert not any(cell.best for cell in table.rows[0].cells), "alone, nothing is best"


def test_a_column_has_one_number_of_decimals(with_metrics: Change) -> None:
    rows = only(with_metrics(naive=12.0, simple=-0.000012)).rows
    texts = [row.cells[0].text for row in rows]
    assert texts == ["0.08", "12.00", "\u22120.00", "0.16"]
    assert {len(text.split(".")[1]) for text in texts} == {2}


def test_shares_of_money_are_written_in_percent(raw_card: dict[str, Any]) -> None:
    for line, value in zip(raw_card["groups"][0]["comparison"], (-0.00114, 0.02, 0.0, 0.01), strict=True):
        line["metrics"]["net_return"] = value
    table = only(raw_card)
    place = table.titles.index("net return, %")
    assert [row.cells[place].text for row in table.rows] == ["\u22120.114", "2.000", "0.000", "1.000"]
