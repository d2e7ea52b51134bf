"""Readers take one complete feature set, and are told what is wrong where there is none."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from include.errors import ConfigurationError, LakeError
from include.feature_sets import FeatureFacts, FeatureSet, read_current, read_features, write_current
from include.lake import Lake
from include.months import month_of
from include.publish import commit_month, stage_part
from include.schemas import FEATURE_KEYS

FIRST = datetime(2018, 1, 30, tzinfo=UTC)


def facts(name: str, *inputs: str) -> FeatureFacts:
    return FeatureFacts(name, "trend", "fraction", 5, 4, False, inputs or ("close",), "source", "What it is.")


SET = FeatureSet("abc", (facts("alpha"), facts("beta", "close", "volume")))


def publish(lake: Lake, feature_set: FeatureSet, symbols: tuple[str, ...] = ("BBB", "AAA"), days: int = 4) -> None:
    """Four days over the end of January, a part a symbol; alpha counts, beta is null on the first day."""
    dataset = lake.features("1d", feature_set.id)
    stamps = [FIRST + timedelta(days=day) for day in range(days)]
    for month in sorted({month_of(stamp) for stamp in stamps}):
        parts = []
        for symbol in symbols:
            inside = [(number, stamp) for number, stamp in enumerate(stamps) if month_of(stamp) == month]
            columns = {
                "symbol": [symbol] * len(inside),
                "timestamp": [stamp for _, stamp in inside],
                "closed_at": [stamp + timedelta(hours=21) for _, stamp in inside],
                **{name: [float(number) or None for number, _ in inside] for name in feature_set.names},
            }
            parts.append(stage_part(lake, dataset, month, symbol, pa.table(columns, schema=feature_set.schema)))
        commit_month(lake, dataset, month, parts)


@pytest.fixture
def filled(lake: Lake) -> Lake:
    publish(lake, SET)
    write_current(lake, "1d", SET)
    return lake


def test_the_pointer_comes_back_as_it_was_written(lake: Lake) -> None:
    write_current(lake, "1d", SET)
    again = read_current(lake, "1d")
    assert again == SET
    assert again.names == ["alpha", "beta"]
    assert [feature.needs_volume for feature in again.features] == [False, True]
    before = lake.read("features/timeframe=1d/current.json")
    write_current(lake, "1d", again)
    assert lake.read("features/timeframe=1d/current.json") == before


def test_without_features_the_error_names_the_dag(lake: Lake) -> None:
    with pytest.raises(LakeError, match=r"no 1d features were built yet; run the DAG backfill_market"):
        read_features(lake, "1d")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": "x", "features": [{"name": "y"}]}', '{"id": "x", "features": 3}', "\xff"])
def test_a_damaged_pointer_is_named(lake: Lake, text: str) -> None:
    lake.write("features/timeframe=1d/current.json", text.encode("latin-1"))
    with pytest.raises(LakeError, match=r"features/timeframe=1d/current.json is damaged"):
        read_current(lake, "1d")


def test_an_unknown_timeframe_is_the_callers_error(lake: Lake) -> None:
    with pytest.raises(ConfigurationError, match="timeframe '2d' is unknown"):
        read_current(lake, "2d")


def test_all_rows_come_in_order(filled: Lake) -> None:
    frame = read_features(filled, "1d")
    assert list(frame.columns) == [*FEATURE_KEYS.names, "alpha", "beta"]
    assert frame["symbol"].tolist() == ["AAA"] * 4 + ["BBB"] * 4
    assert frame["timestamp"].is_monotonic_increasing is False
    assert frame["alpha"].dtype == "float32"
    assert frame["alpha"].isna().tolist() == [True, False, False, False] * 2
    assert str(frame["timestamp"].dt.tz) == "UTC"


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [
        (None, None, 4),
        (date(2018, 1, 31), None, 3),
        (None, datetime(2018, 2, 1, tzinfo=UTC), 2),
        (date(2018, 1, 31), date(2018, 2, 2), 2),
        (datetime(2018, 2, 1, tzinfo=UTC), datetime(2018, 2, 1, tzinfo=UTC), 0),
        (date(2019, 1, 1), None, 0),
    ],
)
def test_the_interval_is_half_open(filled: Lake, start: date | None, end: date | None, count: int) -> None:
    frame = read_features(filled, "1d", start, end, ["AAA"], ["beta"])
    assert len(frame) == count
    assert list(frame.columns) == [*FEATURE_KEYS.names, "beta"]


def test_symbols_that_are_not_there_have_no_rows(filled: Lake) -> None:
    assert read_features(filled, "1d", symbols=["ZZZ"]).empty
    assert read_features(filled, "1d", symbols=[]).empty
    assert set(read_features(filled, "1d", symbols=["BBB", "ZZZ"])["symbol"]) == {"BBB"}


def test_an_unknown_name_is_an_error_that_lists_the_names(filled: Lake) -> None:
    with pytest.raises(LakeError, match=r"features gamma are not in the current set abc; it holds alpha, beta"):
        read_features(filled, "1d", names=["alpha", "gamma"])


def test_readers_stay_with_the_old_set_until_the_pointer_moves(filled: Lake) -> None:
    other = FeatureSet("def", (facts("gamma"),))
    publish(filled, other, ("CCC",))
    assert set(read_features(filled, "1d")["symbol"]) == {"AAA", "BBB"}
    write_current(filled, "1d", other)
    frame = read_features(filled, "1d")
    assert set(frame["symbol"]) == {"CCC"}
    assert "gamma" in frame
