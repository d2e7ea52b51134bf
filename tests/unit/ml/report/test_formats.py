import pytest

from ml.report.formats import heat, moment, number, percent, price, signed_percent


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
