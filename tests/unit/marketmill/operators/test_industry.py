"""The form of a forecast: which bars it wants, and which questions are refused before anything is fetched."""

from __future__ import annotations

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.assets import REPORT
from include.settings import settings
from marketmill.operators.industry import ForecastIndustryOperator, PlanForecastOperator
from tests.model_lake import real_bars, registry_at, write_lake

PLAN = PlanForecastOperator(task_id="plan_fetch")
FORECAST = ForecastIndustryOperator(task_id="forecast")


def form(**fields):
    return {"target": "^IXIC", "peers": ["^GSPC"], "horizon": 5, "start": None, "end": None, "seed": 7} | fields


def test_the_target_and_its_peers_are_fetched(context):
    [batch] = PLAN.execute(context(**form()))
    assert batch["symbols"] == ["^IXIC", "^GSPC"]
    assert (batch["start"], batch["end"]) == ("2009-01-01T00:00:00+00:00", "2019-01-01T00:00:00+00:00")


def test_three_years_before_the_start_are_fetched_to_train_on(context):
    [batch] = PLAN.execute(context(**form(start="2017-01-01", end="2018-01-01")))
    assert (batch["start"], batch["end"]) == ("2013-12-01T00:00:00+00:00", "2018-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"peers": []}, "has no peers; name at least one"),
        ({"peers": ["^GSPC", "^IXIC"]}, "is among its own peers"),
        ({"target": "../../x"}, "is not a symbol"),
        ({"horizon": 0}, "horizon 0 is not 1 to 250"),
        ({"start": "yesterday"}, "start 'yesterday' is not a date"),
    ],
)
def test_a_question_that_makes_no_sense(context, fields, message):
    with pytest.raises(AirflowFailException, match=message):
        PLAN.execute(context(**form(**fields)))


def test_a_year_is_forecast_by_models_that_had_not_seen_it(context, lake, tmp_path):
    write_lake(lake, [real_bars(symbol, "2013-12-01", "2018-01-01") for symbol in ("^GSPC", "^IXIC")])
    run = context(dag_id="forecast_industry", **form(start="2017-01-01", end="2018-01-01"))
    with registry_at(tmp_path):
        settings.cache_clear()
        forecast = FORECAST.execute(run)
        again = FORECAST.execute(run)
    assert again == forecast == {"report": forecast["report"], "model": "industry_linear-%5EIXIC", "version": "1"}
    assert run["outlet_events"][REPORT].extra["path"] == forecast["report"]
    folder = f"{forecast['report'].rpartition('/')[0]}/industry_forecast"
    model = json.loads(lake.read(f"{folder}/%5EIXIC_linear_model.json"))
    assert [entry["symbol"] for entry in model["coefficients"]] == ["^IXIC"] * 3 + ["^GSPC"] * 3
    assert model["horizon"] == 5
    rows = [line.split(",") for line in lake.read(f"{folder}/%5EIXIC_predictions.csv").decode().splitlines()]
    assert rows[0] == ["date", "known_at", "actual", "predicted", "is_oos"]
    of_the_year = [row for row in rows if row[0].startswith("2017-")]
    assert len(of_the_year) == 251
    assert {row[4] for row in of_the_year} == {"True"}
    assert {row[4] for row in rows if row[0].startswith("2014-")} == {"False"}
    assert [row[2] for row in rows[-5:]] == [""] * 5  # nobody knows these outcomes yet
    judged = sum(row[2] != "" and row[4] == "True" for row in rows)
    assert f", {judged} sessions in 2 folds" in lake.read(forecast["report"]).decode()
    for picture in ("predicted_vs_actual", "peer_coefficients"):
        assert lake.read(f"{folder}/%5EIXIC_{picture}.png").startswith(b"\x89PNG")
