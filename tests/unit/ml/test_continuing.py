"""A champion that goes on from its trees, on real bars."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pandas as pd
import pytest

from include.errors import UnsuitableError
from include.lake import Lake
from ml import registry
from ml.continuing import describe_continued
from ml.promotion import promote, propose
from ml.training import Trained, train
from tests.model_lake import challenger, registry_at

MODEL = "regime5_xgboost"
END = pd.Timestamp("2018-03-01")


@pytest.fixture(scope="module")
def continued(model_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """A version that goes on from a champion whose data end ten months sooner."""
    with registry_at(tmp_path_factory.mktemp("registry")):
        with pytest.raises(UnsuitableError, match="has no version to go on from"):
            train(model_lake, MODEL, universe="sample", seed=7, continue_boosting=True)
        train(model_lake, MODEL, universe="sample", seed=7, end=END)
        promote(MODEL, "1", expected=None, serves={}, reason="the first")
        yield train(model_lake, MODEL, universe="sample", seed=7, continue_boosting=True)


def test_old_and_new_rows_are_measured_beside_champion_and_refit(continued: Trained) -> None:
    found = continued.card["continued"]
    assert (continued.version, found["from_version"], found["known_until"], found["metric"]) == ("2", "1", "2018-03-01", "log_loss")
    assert set(found["labels"]) == {"same day", "1 day", "5 days", "21 days"}
    new = found["labels"]["1 day"]["new"]
    assert new["rows"] == 211  # sessions whose next was one from March to December
    loss = new["loss"]
    assert list(loss) == ["before (version 1)", "continued", "full refit"]
    assert loss["continued"] < loss["before (version 1)"]  # on what it has just learnt
    old = found["labels"]["1 day"]["old"]["loss"]
    assert old["continued"] != old["before (version 1)"]
    assert "1 day, 211 new rows: before (version 1)" in describe_continued(found)[0]
    assert describe_continued({}) == []


def test_it_is_a_challenger_with_evidence_of_its_own(continued: Trained, model_lake: Lake) -> None:
    assert registry.holder(MODEL, registry.CHALLENGER) == continued.version
    assert registry.holder(MODEL, registry.CHAMPION) == "1"
    assert propose(MODEL).version == continued.version
    full = train(model_lake, MODEL, universe="sample", seed=7)
    assert full.version == "3"
    assert "continued" not in full.card
    assert full.card["weights_hash"] != continued.card["weights_hash"]
    # The first fold is learnt in full by both; later ones go on.
    rows = [registry.get(MODEL, made.version).read(registry.WALK_FORWARD) for made in (continued, full)]
    tables = [pd.read_parquet(io.BytesIO(content)) for content in rows]
    same = (tables[0][["p0", "p1", "p2", "p3", "p4"]] == tables[1][["p0", "p1", "p2", "p3", "p4"]]).all(axis=1)
    assert same[tables[0]["fold"] == 0].all()
    assert not same[tables[0]["fold"] > 0].any()


def test_the_same_again_is_reused_and_loads(continued: Trained, model_lake: Lake) -> None:
    again = train(model_lake, MODEL, universe="sample", seed=7, continue_boosting=True)
    assert (again.reused, again.version) == (True, continued.version)
    found = registry.get(MODEL, continued.version)
    assert found.card["params"]["continued_from"]["version"] == "1"
    assert found.load().files() == {path.removeprefix("model/"): found.read(path) for path in found.sha256 if path.startswith("model/")}


def test_what_cannot_go_on_is_refused(continued: Trained, model_lake: Lake) -> None:
    with pytest.raises(UnsuitableError, match="volatility_garch cannot go on from an earlier version; only boosted models can"):
        train(model_lake, "volatility_garch", universe="sample", seed=7, continue_boosting=True)
    with pytest.raises(UnsuitableError, match="nothing became known since 2018-03-01, where version 1"):
        train(model_lake, MODEL, universe="sample", seed=7, end=END, continue_boosting=True)
    assert challenger("volatility_garch") is None
