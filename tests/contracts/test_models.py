"""What every model of the catalogue must keep to, on one lake of real bars."""

from dataclasses import replace
from importlib import import_module
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest

from include.lake import Lake
from include.universes import load_universe
from ml.canaries import PLANTED, SHUFFLED, check_canaries
from ml.catalog import BACKTESTS, CATALOG, FEATURES, TRADES, make_model
from ml.dataset import Dataset, Source
from tests.backtests import made_source
from tests.made_trades import made_trades, write_trades
from tests.model_lake import SYMBOLS, real_bars, write_lake

CUT = pd.Timestamp("2016-05-10", tz="UTC")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Source]:
    bars = {symbol: real_bars(symbol, "2013-01-01", "2018-01-01") for symbol in SYMBOLS}
    lake = write_lake(Lake(str(tmp_path_factory.mktemp("lake"))), list(bars.values()))
    write_trades(lake, pd.concat([made_trades(bars[symbol]) for symbol in ("^GSPC", "^IXIC")]))
    plain = Source(lake, load_universe("sample"))
    return {FEATURES: plain, TRADES: plain, BACKTESTS: made_source(lake)}


@pytest.fixture(scope="module", params=CATALOG)
def model_id(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def source(sources: dict[str, Source], model_id: str) -> Source:
    return sources[CATALOG[model_id].learns_from]


@pytest.fixture(scope="module")
def data(source: Source, model_id: str) -> Dataset:
    return make_model(model_id).prepare(source)


def test_the_entry_is_true(model_id: str) -> None:
    entry = CATALOG[model_id]
    module, name = entry.implementation.split(":")
    assert entry.model_id == model_id == module.removeprefix("ml.models.")
    assert isinstance(getattr(import_module(module), name), type)
    assert entry.question.endswith("?")
    assert all(version(library) for library in entry.libraries)


def test_rows_and_labels_are_in_order(data: Dataset) -> None:
    keys = data.rows[["symbol", "timestamp", *data.particulars]]
    assert not keys.duplicated().any()
    assert data.rows.index.tolist() == list(range(len(data.rows)))
    for _, part in data.rows.groupby("symbol"):
        assert part["timestamp"].is_monotonic_increasing
    assert data.labels
    for label in data.labels.values():
        assert label.index.equals(data.rows.index)
        assert label.loc[label["value"].notna(), "known_at"].notna().all()
        assert (label["known_at"] >= data.rows["closed_at"])[label["value"].notna()].all()


def test_preparing_twice_gives_the_same_data(source: Source, model_id: str, data: Dataset) -> None:
    assert make_model(model_id).prepare(source).content_hash() == data.content_hash()


def test_the_past_of_the_dataset_does_not_depend_on_its_future(source: Source, model_id: str, data: Dataset) -> None:
    """Features and labels known by the cut are the same when the lake ends there."""
    shorter = make_model(model_id).prepare(replace(source, end=CUT.to_pydatetime())).known_by(CUT)
    known = data.known_by(CUT)
    assert shorter.content_hash() == known.content_hash()


def test_the_same_seed_gives_the_same_bytes(model_id: str, data: Dataset) -> None:
    model = make_model(model_id)
    known = data.known_by(CUT)
    assert model.fit(known, seed=7).files() == make_model(model_id).fit(known, seed=7).files()


def test_loaded_it_states_the_same(model_id: str, data: Dataset) -> None:
    model = make_model(model_id)
    fitted = model.fit(data.known_by(CUT), seed=7)
    loaded = make_model(model_id).load(fitted.files())
    for name, stated in fitted.predict(data).items():
        pd.testing.assert_frame_equal(loaded.predict(data)[name], stated)


def test_it_states_every_label_for_every_row_it_can(model_id: str, data: Dataset) -> None:
    model = make_model(model_id)
    known = data.known_by(CUT)
    stated, baselines = model.fit(known, seed=7).predict(data), model.baselines(known, data)
    later = (data.rows["closed_at"] >= CUT).to_numpy()
    for name in data.labels:
        assert stated[name].index.equals(data.rows.index)
        assert stated[name].loc[later, "model"].notna().all()
        assert baselines[name][later].notna().all(axis=None)
        assert np.isfinite(stated[name][later].to_numpy()).all()


def test_what_it_states_does_not_depend_on_later_rows(model_id: str, data: Dataset) -> None:
    model = make_model(model_id)
    fitted = model.fit(data.known_by(CUT), seed=7)
    until = CUT + pd.DateOffset(months=9)
    before = (data.rows["closed_at"] < until).to_numpy()
    for name, stated in fitted.predict(data).items():
        cut = fitted.predict(data.before(until))[name]
        pd.testing.assert_frame_equal(stated[before].reset_index(drop=True), cut)


def test_labels_of_rows_to_be_stated_are_not_looked_at(model_id: str, data: Dataset) -> None:
    model = make_model(model_id)
    known = data.known_by(CUT)
    blind = replace(data, labels={name: label.assign(value=np.nan) for name, label in data.labels.items()})
    fitted = model.fit(known, seed=7)
    for statements in ((fitted.predict(blind), fitted.predict(data)), (model.baselines(known, blind), model.baselines(known, data))):
        for name in data.labels:
            pd.testing.assert_frame_equal(statements[0][name], statements[1][name])


def test_it_finds_a_planted_signal_and_nothing_in_shuffled_labels(model_id: str, data: Dataset) -> None:
    """A model that does not learn from labels has no canary; only the one that is fitted on returns alone may say so."""
    canaries = check_canaries(model_id, make_model(model_id), data, seed=7)
    verdicts = {canaries[name]["verdict"] for name in (PLANTED, SHUFFLED)}
    assert verdicts == ({"not applicable"} if model_id == "volatility_garch" else {"found", "at the baseline"})


def test_params_are_plain(model_id: str) -> None:
    import json

    assert json.loads(json.dumps(make_model(model_id).params())) == make_model(model_id).params()
