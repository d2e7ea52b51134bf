import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from include.settings import DatedSplit, Settings
from ml.dataset import Dataset
from ml.validation.dated import dated_split, describe_split

SPLIT = DatedSplit(training=date(2018, 1, 1), validation=date(2020, 7, 1), test=date(2021, 1, 1), end=date(2021, 7, 1))
METRIC = {"name": "rmse", "unit": "percent per day"}


@dataclass(frozen=True)
class Mean:
    """States the mean in training; remembers nothing else."""

    def fit(self, known, *, seed):
        values = known.labels["next"]["value"].dropna()
        return Stated(float(values.mean()), known.rows["closed_at"].min(), known.rows["closed_at"].max())

    def baselines(self, known, data):
        return {"next": pd.DataFrame({"zero": 0.0}, index=data.rows.index)}

    def group(self, label, symbol):
        return symbol


@dataclass(frozen=True)
class Stated:
    mean: float
    first: pd.Timestamp
    last: pd.Timestamp

    def predict(self, data):
        SEEN.append((self.first, self.last))
        return {"next": pd.DataFrame({"model": self.mean}, index=data.rows.index)}


SEEN = []


def dataset(last="2021-12-31"):
    days = pd.bdate_range("2017-01-02", last, tz="UTC").as_unit("us")
    rows = pd.DataFrame({"symbol": "A", "timestamp": days, "closed_at": days + pd.Timedelta(hours=21), "x": 0.0})
    label = pd.DataFrame({"value": np.where(days < "2021-01-01", 1.0, 3.0), "known_at": rows["closed_at"].shift(-1)})
    return Dataset(rows, ["x"], {"next": label.where(label["known_at"].notna())})


def test_it_is_fitted_on_the_training_part_alone():
    SEEN.clear()
    found = dated_split(Mean(), dataset(), SPLIT, METRIC, seed=7)
    first, last = SEEN[0]
    assert (first.date(), last.date()) == (date(2018, 1, 1), date(2020, 6, 30))
    assert found["results"]["next"]["validation"]["model"] == {"rmse": 0.0}
    assert found["results"]["next"]["test"]["model"] == {"rmse": pytest.approx(200.0)}  # of the unit: percent
    assert found["results"]["next"]["test"]["zero"] == {"rmse": pytest.approx(300.0)}


def test_the_shares_are_counted():
    parts = dated_split(Mean(), dataset(), SPLIT, METRIC, seed=7)["parts"]
    rows = {name: part["rows"] for name, part in parts.items()}
    counted = [np.busday_count(*pair) for pair in pairwise(["2018-01-01", "2020-07-01", "2021-01-01", "2021-07-01"])]
    assert list(rows.values()) == counted
    assert sum(part["share"] for part in parts.values()) == pytest.approx(1.0)
    assert parts["training"]["share"] == pytest.approx(652 / 913)


def test_data_that_end_before_the_test_are_told_and_not_judged():
    found = dated_split(Mean(), dataset("2020-12-30"), SPLIT, METRIC, seed=7)
    assert "results" not in found
    told = describe_split(found, "rmse")
    assert "the rows end 2020-12-29, before the test part begins; set dates that lie within the rows, 'dated_split' in " in told


def test_the_setting_that_is_named_makes_it_reach_over_them(monkeypatch):
    data = dataset("2020-12-30")
    told = describe_split(dated_split(Mean(), data, SPLIT, METRIC, seed=7), "rmse")
    monkeypatch.setenv("DATED_SPLIT", re.search("DATED_SPLIT='([^']*)'", told).group(1))
    found = dated_split(Mean(), data, Settings().dated_split, METRIC, seed=7)
    assert [round(part["share"], 2) for part in found["parts"].values()] == [0.6, 0.2, 0.2]
    assert set(found["results"]["next"]) == {"validation", "test"}


def test_too_little_training_is_told():
    late = DatedSplit(training=date(2020, 1, 1), validation=date(2020, 7, 1), test=date(2021, 1, 1), end=date(2021, 7, 1))
    assert "of the training part, there are 130 usable rows" in describe_split(dated_split(Mean(), dataset(), late, METRIC, seed=7), "rmse")


def test_in_words():
    text = describe_split(dated_split(Mean(), dataset(), SPLIT, METRIC, seed=7), "rmse")
    assert text.startswith("training from 2018-01-01 71.4% (652 rows), validation from 2020-07-01 14.5% (132 rows), test from 2021-01-01")
    assert "next, test: rmse model 200.000, zero 300.000" in text


def test_dates_must_follow_each_other():
    with pytest.raises(ValidationError, match="must follow each other"):
        DatedSplit(training=date(2021, 1, 1), validation=date(2020, 7, 1))
