import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from ml.report.charts.bars import bar_chart
from ml.report.charts.frame import HEIGHT, LEFT, MOST_POINTS, RIGHT, WIDTH, Chart, nice_ticks, thinned
from ml.report.charts.histogram import histogram_chart
from ml.report.charts.lines import Line, line_chart
from ml.report.charts.probabilities import reliability_chart, ribbon_chart

TIMES = pd.date_range("2015-01-01", periods=600, freq="D", tz="UTC")


def elements(chart: Chart, tag: str) -> list[ET.Element]:
    return [element for element in ET.fromstring(str(chart.svg)).iter() if element.tag == tag]


def points(chart: Chart, style: str) -> np.ndarray:
    drawn = next(element for element in elements(chart, "path") if element.get("class") == style)
    return np.array(re.findall(r"[ML](\S+) ([\d.]+)", drawn.get("d", "")), dtype=float)


@pytest.mark.parametrize(
    ("low", "high", "ticks"), [(0, 1, [0, 0.25, 0.5, 0.75, 1]), (0.3, 4.1, [1, 2, 3, 4]), (-3, 3, [-2, 0, 2]), (5, 5, [5])]
)
def test_ticks_are_round_and_inside(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == ticks


@pytest.mark.parametrize("count", [1, 2, MOST_POINTS, MOST_POINTS + 1, 5000])
def test_thinning_keeps_the_last_and_few(count: int) -> None:
    taken = thinned(count)
    assert taken[-1] == count - 1
    assert len(taken) <= MOST_POINTS
    assert len(set(np.diff(taken))) <= 1


def test_a_line_rises_with_its_values_and_stays_inside() -> None:
    chart = line_chart("t", "n", TIMES, [Line("up", "model", np.linspace(1, 2, 600)), Line("flat", "actual", np.full(600, 1.5))])
    up, flat = points(chart, "line model"), points(chart, "line actual")
    assert (np.diff(up[:, 1]) < 0).all(), "upwards is a smaller y"
    assert np.ptp(flat[:, 1]) == 0
    assert ((up >= 0) & (up <= [WIDTH, HEIGHT])).all()


def test_grid_lines_stand_at_the_numbers_beside_them() -> None:
    chart = line_chart("t", "n", TIMES, [Line("up", "model", np.linspace(0, 3.8, 600))])
    lines = [
        re.fullmatch(rf"M{LEFT} ([\d.]+)H{WIDTH - RIGHT}", path.get("d", ""))
        for path in elements(chart, "path")
        if path.get("class") == "grid"
    ]
    heights = [float(line[1]) for line in lines if line]
    numbers = [
        (float(text.text or "nan"), float(text.get("y", "nan"))) for text in elements(chart, "text") if text.get("text-anchor") == "end"
    ]
    assert [number for number, _ in numbers] == [0, 1, 2, 3]
    assert heights == pytest.approx([y - 3.5 for _, y in numbers], abs=0.11)
    assert heights[0] - heights[1] == pytest.approx(heights[2] - heights[3], abs=0.11)


def test_a_line_breaks_where_values_are_missing() -> None:
    values = np.ones(100)
    values[40:60] = np.nan
    chart = line_chart("t", "n", TIMES[:100], [Line("a", "model", values)])
    drawn = next(element for element in elements(chart, "path") if element.get("class") == "line model").get("d", "")
    assert drawn.count("M") == 2


def test_names_are_escaped() -> None:
    chart = bar_chart('<b>"t"', "n", ["<i>"], {"<script>": ("model", [1.0])})
    assert "<script>" not in chart.svg
    assert "<i>" not in chart.svg
    assert elements(chart, "title")[0].text == "<i>, <script>: 1.0000"


def test_bars_are_as_long_as_their_values_and_absent_ones_are_not_drawn() -> None:
    chart = bar_chart("t", "n", ["a", "b"], {"model": ("model", [1.0, 2.0]), "other": ("other1", [None, 0.5])})
    lengths = [float(bar.get("width", "nan").removesuffix("%")) for bar in elements(chart, "rect")]
    assert len(lengths) == 3
    assert max(lengths) <= 100
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=0.02)
    assert lengths[2] == pytest.approx(lengths[0] / 2, abs=0.02)


def test_nothing_of_many_groups_lies_on_each_other_however_narrow_the_page() -> None:
    groups = [f"SYMBOL{place} puts and calls" for place in range(12)]
    chart = bar_chart("t", "n", groups, {f"line {place}": (f"other{place}", [0.1] * 12) for place in range(8)})
    names = [(float(text.get("y", "nan")), text.text) for text in elements(chart, "text") if text.get("x") == "0"]
    assert [name for _, name in names] == groups
    bars = [(float(bar.get("y", "nan")), float(bar.get("height", "nan"))) for bar in elements(chart, "rect")]
    placed = sorted([(bottom - 12, 12.0) for bottom, _ in names] + bars)
    assert all(top + height <= below for (top, height), (below, _) in pairwise(placed)), "a name or bar covers another"


def test_the_ribbon_stacks_to_one_and_shows_what_came() -> None:
    chances = np.tile([0.2, 0.3, 0.5], (600, 1))
    came = np.repeat([0, 2, 1], 200)
    chart = ribbon_chart("t", "n", TIMES, chances, came, ["a", "b", "c"])
    areas = [points(chart, f"class{code}")[:, 1] for code in range(3)]
    tall = [float(np.ptp(area)) for area in areas]
    assert tall == pytest.approx([0.2 * sum(tall), 0.3 * sum(tall), 0.5 * sum(tall)], abs=0.3)
    assert [block.get("class") for block in elements(chart, "rect")] == ["class0", "class2", "class1"]


def test_reliability_tells_honest_from_overconfident() -> None:
    rng = np.random.default_rng(3)
    honest = rng.uniform(0, 1, 5000)
    came = (rng.uniform(0, 1, 5000) < honest).astype(int)

    def furthest(stated: np.ndarray) -> float:
        chart = reliability_chart("t", "n", np.column_stack([1 - stated, stated]), came)
        told = [re.findall(r"0\.\d+|1\.00", element.text or "") for element in elements(chart, "title")]
        return max(abs(float(stated) - float(observed)) for stated, observed in told)

    assert furthest(honest) < 0.06
    assert furthest(np.clip(2 * honest - 0.5, 0.01, 0.99)) > 0.15, "where 0.15 is stated, 0.325 come"


def test_short_and_constant_series_are_drawn() -> None:
    line_chart("t", "n", TIMES[:1], [Line("a", "model", np.zeros(1))])
    reliability_chart("t", "n", np.tile([1.0, 0.0], (40, 1)), np.zeros(40, int))
    assert elements(ribbon_chart("t", "n", TIMES[:2], np.tile([1.0, 0.0], (2, 1)), np.zeros(2, int), ["a", "b"]), "rect")


def test_a_histogram_counts_every_value_and_marks_ones_own() -> None:
    values = np.random.default_rng(1).normal(0.01, 0.02, 200)
    chart = histogram_chart("Twins", "spread", values, names=("twins", "strategy"), own=0.09, percent=True)
    counts = [int(str(title.text).rpartition(" ")[2]) for title in elements(chart, "title")]
    assert sum(counts) == 200
    [mark] = [element for element in elements(chart, "path") if element.get("class") == "line model"]
    place = float(re.findall(r"M([\d.]+)", mark.get("d", ""))[0])
    assert place > max(float(bar.get("x", 0)) + float(bar.get("width", 0)) for bar in elements(chart, "rect"))
    assert chart.legend == (("other1", "twins"), ("model", "strategy"))
    assert any(" %" in str(text.text) for text in elements(chart, "text"))
    assert elements(histogram_chart("One", "value", np.ones(3), names=("a", "b")), "rect")
    assert "nan" not in str(histogram_chart("Flat", "value", np.zeros(200), names=("a", "b"), own=0.0).svg)
