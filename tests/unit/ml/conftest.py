"""One lake of real bars for all tests of models."""

from collections.abc import Iterator

import pandas as pd
import pytest

from include.lake import Lake
from include.universes import load_universe
from ml.dataset import Source
from ml.training import Trained, train
from tests.made_trades import made_trades, write_trades
from tests.model_lake import FROM_FEATURES, SYMBOLS, real_bars, registry_at, write_lake


@pytest.fixture(scope="session")
def model_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Lake with ^GSPC and ^IXIC 2009 to 2018, made-up trades on them, ^VIX 2014 to 2018."""
    bars = {symbol: real_bars(symbol, "2009-01-01", "2019-01-01") for symbol in SYMBOLS}
    lake = write_lake(Lake(str(tmp_path_factory.mktemp("models"))), list(bars.values()))
    write_trades(lake, pd.concat([made_trades(bars[symbol]) for symbol in ("^GSPC", "^IXIC")]))
    return lake


@pytest.fixture(scope="session")
def source(model_lake: Lake) -> Source:
    """The sample universe on that lake."""
    return Source(model_lake, load_universe("sample"))


@pytest.fixture(scope="session")
def trained(model_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Trained]]:
    """Every model that learns from features, trained on that lake into a registry of these tests' own."""
    with registry_at(tmp_path_factory.mktemp("registry")):
        yield {model_id: train(model_lake, model_id, universe="sample", seed=7) for model_id in FROM_FEATURES}
