"""Rows of every symbol that has a price: what is said where there is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include.errors import ModelError
from include.universes import load_universe
from ml.dataset import Source
from ml.models.regime3_xgboost import Regime3Xgboost
from ml.panel import priced_rows
from tests.model_lake import real_bars, write_lake


def test_without_data_it_says_which_and_what_to_run(lake):
    source = Source(lake, load_universe("crypto"), "5m", datetime(2024, 6, 1, tzinfo=UTC), datetime(2024, 9, 1, tzinfo=UTC))
    with pytest.raises(ModelError) as caught:
        Regime3Xgboost().prepare(source)
    assert str(caught.value) == (
        f"No data found for regime dataset: features of 5m bars in {lake.url} and table features_snapshots hold nothing of BTC/USDT, "
        "ETH/USDT, POL/USDT, ETH/USDC, POL/USDC from 2024-06-01 to 2024-09-01; run the DAG backfill_market with universe crypto and timeframe 5m"
    )


def test_so_does_a_lake_of_other_symbols(lake):
    write_lake(lake, [real_bars("^GSPC", "2016-01-01", "2017-01-01")])
    with pytest.raises(ModelError, match=r"No data found for direction dataset: features of 1d bars in .* hold nothing of BTC/USDT"):
        priced_rows(Source(lake, load_universe("crypto")), "direction_xgboost", ["return_60"], "return_60")
