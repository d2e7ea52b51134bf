import pytest

from ml.report.formats import heat, moment, month_style, month_words, number, percent, price, signed_percent
from ml.report.quality_months import MonthQuality


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0.00\u202f%"), (0.00001, "<0.01\u202f%"), (0.0051, "0.51\u202f%"), (1.0, "100.00\u202f%")]
)
def test_percent_never_hides_what_is_there(value: float | None, text: str) -> None:
    assert percent(value, 2) == text


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (-0.105, "\u221210.5\u202f%"), (0.114, "+11.4\u202f%"), (20.35, "×21")])
def test_signed_percent(value: float | None, text: str) -> None:
    assert signed_percent(value) == text


@pytest.mark.parametrize(
    ("share", "style"), [(None, "none"), (0.0, "heat0"), (0.001, "heat1"), (0.05, "heat2"), (0.3, "heat3"), (0.9, "heat4"), (1.0, "heat5")]
)
def test_heat(share: float | None, style: str) -> None:
    assert heat(share) == style


def test_numbers() -> None:
    assert number(1234567) == "1\u202f234\u202f567"
    assert price(None) == "null"
    assert price(123456.789) == "123456.789"
    assert moment(None) == "no time"


@pytest.mark.parametrize(
    ("month", "style", "words"),
    [
        (None, "none", "not asked for, or not listed"),
        (MonthQuality(), "none", "0 of 0 bars"),
        (MonthQuality(unheld=21), "unheld", "0 of 0 bars, the source has nothing for 21 more"),
        (MonthQuality(expected=20), "full", "20 of 20 bars"),
        (MonthQuality(expected=20, missing=1, outage=2), "few", "17 of 20 bars, no row came for 1, 2 in a known outage"),
        (MonthQuality(expected=20, missing=3, too_many=True), "many", "17 of 20 bars, no row came for 3"),
        (
            MonthQuality(expected=20, missing=3, turned_away=3, refused=3, too_many=True, held=True),
            "many held",
            "17 of 20 bars, 3 rows refused, held back for this",
        ),
        (MonthQuality(held=True), "full held", "0 of 0 bars, held back"),
    ],
)
def test_a_month_has_a_colour_and_words(month: MonthQuality | None, style: str, words: str) -> None:
    assert (month_style(month), month_words(month)) == (style, words)
