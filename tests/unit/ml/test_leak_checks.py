"""Looks ahead that are built in on purpose must not be certified."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from include.errors import ModelError
from ml.dataset import Dataset, Source
from ml.leak_checks import certify
from ml.models.industry_linear import FittedIndustry, IndustryLinear
from ml.protocol import Predictions

MODEL = IndustryLinear()


@pytest.fixture(scope="module")
def data(source: Source) -> Dataset:
    return MODEL.prepare(source)


@pytest.fixture(scope="module")
def fitted(data: Dataset) -> FittedIndustry:
    return MODEL.fit(data, seed=7)


def test_an_honest_model_is_certified(source: Source, data: Dataset, fitted: FittedIndustry) -> None:
    checks = certify("industry_linear", MODEL, source, data, fitted)
    assert [check["verdict"] for check in checks.values()] == ["passed"] * 3
    purge, past, statements = (check["reason"] for check in checks.values())
    # Five sessions ahead: of each symbol the outcomes of five sessions are open when a fold begins.
    assert purge == "7 folds; 70 outcomes that were open when a fold began were withheld from it"
    assert past.startswith("prepared from data that end 2018-01-0")
    assert "are stated bit for bit alike without them" in statements


def test_too_short_a_past_is_told(source: Source, fitted: FittedIndustry) -> None:
    short = replace(source, start=pd.Timestamp("2016-11-15", tz="UTC"))
    checks = certify("industry_linear", MODEL, short, MODEL.prepare(short), fitted)
    assert [check["verdict"] for check in checks.values()] == ["passed", "not applicable", "passed"]


def test_a_label_that_is_not_purged_is_refused(
    source: Source, data: Dataset, fitted: FittedIndustry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dataset, "known_by", Dataset.before)
    with pytest.raises(ModelError, match=r"next days of the training part of the fold from 2012-.* was not known by then"):
        certify("industry_linear", MODEL, source, data, fitted)


def test_features_scaled_by_the_whole_history_are_refused(source: Source, fitted: FittedIndustry) -> None:
    @dataclass(frozen=True)
    class Scaled(IndustryLinear):
        def prepare(self, source: Source) -> Dataset:
            data = super().prepare(source)
            first = data.features[0]
            return replace(data, rows=data.rows.assign(**{first: data.rows[first] / data.rows[first].std()}))

    with pytest.raises(ModelError, match=r"features or labels known by 2018-01-0.* are others when the data end there"):
        certify("industry_linear", Scaled(), source, Scaled().prepare(source), fitted)


@pytest.mark.parametrize("looks_at", ["later rows", "labels"])
def test_a_statement_that_looks_ahead_is_refused(source: Source, data: Dataset, fitted: FittedIndustry, looks_at: str) -> None:
    class Looking:
        def predict(self, data: Dataset) -> Predictions:
            stated = fitted.predict(data)
            hint = data.rows[data.features[0]].mean() if looks_at == "later rows" else data.labels["next days"]["value"].fillna(0.0)
            return {**stated, "next days": stated["next days"] + hint * np.float64(1e-9)}

    with pytest.raises(ModelError, match=r"what it states of next days up to 2018-01-0.* depends on later rows or on labels"):
        certify("industry_linear", MODEL, source, data, Looking())
