"""The chain up to the features, by real Airflow, Great Expectations and Spark, in the order of a user's first hour.

The tests build on one another: each takes the lake as the one before left it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from include.feature_sets import read_features
from include.landing import list_landed
from include.publish import list_months, read_month

pytestmark = pytest.mark.system

SYMBOLS = ["^GSPC", "^VIX", "AAPL"]


def test_a_backfill_fills_the_lake(dags_test, lake):
    ran = dags_test("backfill_market", universe="sample", source="sample", symbols=SYMBOLS, start="2018-03-01", end="2018-05-01")
    assert ran.code == 0, ran.log[-4000:]
    assert list_months(lake, lake.bars("1d")) == ["2018-03", "2018-04"]
    bars = read_month(lake, lake.bars("1d"), "2018-03")
    counts = {item["values"]: item["counts"] for item in bars["symbol"].value_counts().to_pylist()}
    refused = read_month(lake, lake.quarantine("1d"), "2018-03")
    assert counts == {"AAPL": 21, "^GSPC": 21, "^VIX": 21}
    assert refused.select(["symbol", "rule"]).to_pylist() == [{"symbol": "^VIX", "rule": "close_present"}]
    assert Path(lake.root, "reports", "data_docs", "index.html").is_file()


def test_the_features_are_those_of_the_bars(lake):
    """Recomputed here from the package's own file."""
    features = read_features(lake, "1d", symbols=["^GSPC"], names=["return_1", "return_5"])
    bars = pd.concat([read_month(lake, lake.bars("1d"), month).to_pandas() for month in ("2018-03", "2018-04")])
    closes = bars[bars["symbol"] == "^GSPC"].set_index("timestamp")["close"]
    for name, step in (("return_1", 1), ("return_5", 5)):
        expected = closes.pct_change(step).astype("float32")
        assert features.set_index("timestamp")[name].tolist() == pytest.approx(expected.tolist(), nan_ok=True, rel=1e-6)


def test_the_same_again_changes_no_byte_and_starts_no_jvm(dags_test, hashes):
    before = hashes("bars", "features", "quarantine", "landing")
    ran = dags_test("backfill_market", universe="sample", source="sample", symbols=SYMBOLS, start="2018-03-01", end="2018-05-01")
    assert ran.code == 0, ran.log[-4000:]
    assert hashes("bars", "features", "quarantine", "landing") == before
    assert ran.said("AAPL: everything has landed already")
    assert ran.said("nothing changed")
    assert not ran.said("spark-submit")


def test_a_monthly_run_publishes_exactly_its_month(dags_test, lake, hashes):
    before = hashes("bars")
    ran = dags_test("update_market", "2018-06-15", universe="sample", source="sample")
    assert ran.code == 0, ran.log[-4000:]
    after = hashes("bars")
    assert {path: after[path] for path in before} == before
    assert list_months(lake, lake.bars("1d")) == ["2018-03", "2018-04", "2018-05"]
    features = read_features(lake, "1d", names=["return_20"])
    assert set(features["timestamp"].dt.strftime("%Y-%m")) == {"2018-03", "2018-04", "2018-05"}
    assert set(features["symbol"]) == {"^GSPC", "^IXIC", "^VIX", "AAPL"}


def test_a_month_without_bars_ends_well_and_says_so(dags_test, hashes):
    before = hashes("bars", "features", "quarantine")
    ran = dags_test("update_market", "2019-03-15", universe="sample", source="sample", symbols=["^GSPC"])
    assert ran.code == 0, ran.log[-4000:]
    assert ran.said("source sample holds no bars of these symbols from 2019-02-01")
    assert hashes("bars", "features", "quarantine") == before


def test_a_bad_file_fails_the_run_by_name_after_the_others_were_published(dags_test, lake, tmp_path):
    header = "date,open,high,low,close,volume\n"
    days = [f"2018-02-{day:02d}" for day in (1, 2, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 20, 21, 22, 23, 26, 27, 28)]
    (tmp_path / "IBM.csv").write_text(header + "".join(f"{day},10,12,9,{10 + number / 10},1000\n" for number, day in enumerate(days)))
    (tmp_path / "NKE.csv").write_text(header + "2018-02-20,10,12,9,ten,1000\n")
    ran = dags_test("backfill_market", source="csv", csv_folder=str(tmp_path), symbols=["IBM", "NKE"], start="2018-02-01", end="2018-03-01")
    assert ran.code == 1
    assert ran.said("1 of 2 symbols could not be fetched whole, published is what landed whole")
    assert ran.said("NKE: 2018-02-01 to 2018-03-01 is missing: NKE.csv, line 2, column close: 'ten' is not a number")
    bars = read_month(lake, lake.bars("1d"), "2018-02")
    assert bars.select(["symbol", "source", "adjustment"]).to_pylist() == [{"symbol": "IBM", "source": "csv", "adjustment": "raw"}] * 19
    assert list_landed(lake, "csv", "1d", "NKE") == []


def test_a_wrong_form_is_one_sentence_and_a_failed_run(dags_test, hashes):
    before = hashes("bars", "features", "landing")
    ran = dags_test("backfill_market", universe="nope")
    assert ran.code == 1
    assert ran.said("universe 'nope' is unknown; use one of")
    assert hashes("bars", "features", "landing") == before
