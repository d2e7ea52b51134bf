import re
from typing import Any

import numpy as np
import pandas as pd

from ml.report.cards import read_card
from ml.report.page import TEMPLATES
from ml.report.plots import group_plots, overview_plot

ROWS = 400


def walk_forward(**columns: np.ndarray) -> pd.DataFrame:
    times = pd.date_range("2016-01-04", periods=ROWS, freq="B", tz="UTC")
    return pd.DataFrame({"closed_at": times, "actual": np.linspace(0.01, 0.02, ROWS), "model": np.linspace(0.01, 0.02, ROWS)} | columns)


def test_values_get_a_forecast_and_a_rolling_error(raw_card: dict[str, Any]) -> None:
    card = read_card(raw_card)
    rows = walk_forward(naive=np.full(ROWS, 0.01), cousin=np.full(ROWS, 0.01), other=np.full(ROWS, np.nan))
    forecast, rolling = group_plots(card, card.groups[0], rows)
    assert [name for _, name in forecast.legend] == ["model", "outcome"]
    assert [name for _, name in rolling.legend] == ["model", "naive"], "baselines that were stated, no references"
    assert "last 200 sessions, percent per day" in rolling.note


def test_an_interval_is_shaded(raw_card: dict[str, Any]) -> None:
    card = read_card(raw_card)
    rows = walk_forward(lower=np.full(ROWS, 0.005), upper=np.full(ROWS, 0.03))
    assert ("band", "90 % interval") in group_plots(card, card.groups[0], rows)[0].legend


def test_classes_get_a_ribbon_with_their_names(raw_card: dict[str, Any]) -> None:
    card = read_card(raw_card | {"params": {"classes": ["BULL_TRENDING", "BEAR"]}})
    rows = walk_forward(actual=np.arange(ROWS) % 2.0, p0=np.full(ROWS, 0.5), p1=np.full(ROWS, 0.5))
    ribbon, reliability = group_plots(card, card.groups[0], rows)
    assert [name for _, name in ribbon.legend] == ["bull trending", "bear"]
    assert reliability.title == "Reliability"


def test_names_that_do_not_fit_are_not_used(raw_card: dict[str, Any]) -> None:
    card = read_card(raw_card | {"params": {"classes": 2}})
    rows = walk_forward(actual=np.zeros(ROWS), p0=np.ones(ROWS), p1=np.zeros(ROWS))
    assert [name for _, name in group_plots(card, card.groups[0], rows)[0].legend] == ["class 0", "class 1"]


def test_too_few_rows_get_no_picture(raw_card: dict[str, Any]) -> None:
    card = read_card(raw_card)
    assert group_plots(card, card.groups[0], walk_forward().head(10)) == []


def test_overview_leaves_references_out(raw_card: dict[str, Any]) -> None:
    assert [name for _, name in overview_plot(read_card(raw_card)).legend] == ["model", "naive", "simple"]


def test_each_line_of_an_overview_has_a_colour_of_its_own(raw_card: dict[str, Any]) -> None:
    """As many as touches have: climatology and six closed forms."""
    lines = [{"name": f"simple {place}", "role": "baseline", "metrics": {"rmse": 0.2}} for place in range(5)]
    raw_card["groups"][0]["comparison"] += lines
    styles = [style for style, _ in overview_plot(read_card(raw_card)).legend]
    assert len(styles) == 8
    assert len(set(styles)) == 8
    page = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    colours = {re.search(rf"--{style}: (#\w+)", page).group(1) for style in styles}  # type: ignore[union-attr]
    assert len(colours) == 8
    for style in styles:
        assert f".bar.{style} {{ fill: var(--{style})" in page
        assert re.search(rf"i\.{style}\b[^}}]*background: var\(--{style}\)", page)
