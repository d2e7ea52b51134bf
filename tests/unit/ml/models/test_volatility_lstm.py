import pandas as pd
import pytest

from include.errors import ModelError
from ml.dataset import Dataset, Source
from ml.models.volatility_judge import NEXT_20, TOMORROW, judge_volatility
from ml.models.volatility_lstm import VolatilityLstm
from ml.validation.walk_forward import walk_forward

MODEL = VolatilityLstm()


@pytest.fixture(scope="module")
def data(source: Source) -> Dataset:
    return MODEL.prepare(source)


@pytest.fixture(scope="module")
def predictions(data: Dataset) -> pd.DataFrame:
    return walk_forward(MODEL, data, seed=7)


def test_error_is_25_to_33_percent_below_naive_on_both_indices(predictions: pd.DataFrame) -> None:
    groups = {g["name"]: {line["name"]: line["metrics"] for line in g["comparison"]} for g in MODEL.judge(predictions).groups}
    for symbol in ("^GSPC", "^IXIC"):
        assert -0.33 < groups[symbol]["model"]["rmse_vs_naive"] < -0.25
        assert 0.85 < groups[symbol]["model"]["coverage_90"] < 0.95
        assert groups[symbol]["plain GARCH"]["rmse_vs_naive"] > 0.8
        assert "qlike" in groups[f"{symbol}, next 20 days"]["half EWMA, half mean"]


def test_the_forecast_lies_inside_its_interval(predictions: pd.DataFrame) -> None:
    rows = predictions[predictions["label"] == TOMORROW]
    assert ((rows["lower"] <= rows["model"]) & (rows["model"] <= rows["upper"])).all()
    assert (rows["model"] > 0).all()


def test_the_future_in_the_features_is_refused(predictions: pd.DataFrame) -> None:
    for label, share in ((TOMORROW, 0.5), (NEXT_20, 0.3)):
        leaked = predictions.copy()
        place = leaked["label"] == label
        leaked.loc[place, "model"] = leaked["actual"] + share * (leaked["model"] - leaked["actual"])
        with pytest.raises(ModelError, match=f"{label}: RMSE is .* more than knowledge of the past can give"):
            judge_volatility(leaked)
