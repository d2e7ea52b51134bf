import numpy as np
import pandas as pd
import pytest

from ml.labels.touched import touched


def make_bars(high: list[float], low: list[float]) -> pd.DataFrame:
    stamps = pd.bdate_range("2020-01-01", periods=len(high), tz="UTC").as_unit("us")
    return pd.DataFrame({"timestamp": stamps, "closed_at": stamps + pd.Timedelta(hours=21), "high": high, "low": low})


def option(bars: pd.DataFrame, entry: int, days: int, right: str, strike: float) -> dict:
    expiry = bars["timestamp"].iloc[0] + (entry + days) * pd.offsets.BDay()
    return {"timestamp": bars["timestamp"].iloc[entry], "expiry": expiry, "days": days, "right": right, "strike": strike}


def test_equal_brute_force() -> None:
    generator = np.random.default_rng(8)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.02, 400)))
    bars = make_bars(list(close * (1 + generator.random(400) / 50)), list(close * (1 - generator.random(400) / 50)))
    wanted = [
        option(bars, int(entry), int(days), str(right), close[entry] * (1 + move))
        for entry, days, right, move in zip(
            generator.integers(0, 400, 1500),
            generator.integers(3, 43, 1500),
            generator.choice(["call", "put"], 1500),
            generator.uniform(-0.2, 0.2, 1500),
            strict=True,
        )
    ]
    options = pd.DataFrame(wanted)
    label = touched(bars, options)
    outcomes = set()
    for place, row in options.iterrows():
        window = bars[(bars["timestamp"] > row["timestamp"]) & (bars["timestamp"] <= row["expiry"])]
        if row["expiry"] > bars["timestamp"].iloc[-1]:
            expected = (None, None)
        else:
            hit = max(window["high"]) >= row["strike"] if row["right"] == "call" else min(window["low"]) <= row["strike"]
            expected = (float(hit), window["closed_at"].iloc[-1])
        value, known_at = label.loc[place]
        assert (None if np.isnan(value) else value, None if pd.isna(known_at) else known_at) == expected
        outcomes.add((row["right"], expected[0]))
    assert len(outcomes) == 6


@pytest.mark.parametrize(
    ("right", "strike", "expected"),
    [
        ("call", 110.0, 1),  # reached exactly, on the day of the expiry
        ("call", 110.01, 0),
        ("call", 120.0, 0),  # the entry's own bar and the bar after the expiry do not count
        ("put", 90.0, 1),
        ("put", 89.99, 0),
        ("put", 80.0, 0),
    ],
)
def test_from_the_bar_after_entry_to_the_expiry(right: str, strike: float, expected: int) -> None:
    bars = make_bars([130, 101, 101, 110, 130], [70, 99, 99, 90, 70])
    label = touched(bars, pd.DataFrame([option(bars, 0, 3, right, strike)]))
    assert label["value"].tolist() == [expected]
    assert label["known_at"].tolist() == [bars["closed_at"][3]]


def test_known_at_the_expiry_only_however_soon_it_was_touched() -> None:
    bars = make_bars([100, 150, 100, 100, 100], [100] * 5)
    label = touched(bars, pd.DataFrame([option(bars, 0, 3, "call", 120.0), option(bars, 1, 4, "call", 120.0)]))
    assert label["known_at"].tolist() == [bars["closed_at"][3], pd.NaT]
    assert label["value"].fillna(-1).tolist() == [1, -1]  # the second expires after the last bar


def test_a_session_that_nobody_saw_leaves_no_label() -> None:
    bars = make_bars([100.0] * 8, [100.0] * 8)
    options = pd.DataFrame([option(bars, entry, 3, "call", 120.0) for entry in range(5)])
    without = touched(bars.drop(index=3).reset_index(drop=True), options.drop(index=3))
    assert without["value"].isna().tolist() == [True, True, True, False]
    bars.loc[3, "low"] = np.nan
    assert touched(bars, options)["value"].isna().tolist() == [True, True, True, False, False]


def test_what_is_known_does_not_change_with_later_bars() -> None:
    bars = make_bars(list(np.linspace(100, 130, 20)), list(np.linspace(99, 129, 20)))
    options = pd.DataFrame([option(bars, entry, 5, "call", 108.0) for entry in range(10)])
    early, late = touched(bars[:12], options), touched(bars, options)
    known = early["value"].notna()
    assert known.sum() == 7
    pd.testing.assert_frame_equal(early[known], late[known])
