import pytest

from include.errors import ModelError
from ml.trained_versions import note_version, noted_version

PATH = "models/timeframe=1d/universe=sample/volatility_garch.json"


def test_each_lake_universe_and_timeframe_has_its_own_version(lake) -> None:
    assert noted_version(lake, "sample", "1d", "volatility_garch") is None
    note_version(lake, "sample", "1d", "volatility_garch", "3")
    note_version(lake, "core5", "1d", "volatility_garch", "4")
    assert noted_version(lake, "sample", "1d", "volatility_garch") == "3"
    note_version(lake, "sample", "1d", "volatility_garch", "1")  # trained again on the bars of version 1
    assert noted_version(lake, "sample", "1d", "volatility_garch") == "1"


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff"])
def test_a_damaged_note_is_an_error_that_names_it(lake, content: bytes) -> None:
    lake.write(PATH, content)
    with pytest.raises(ModelError, match=f"{PATH} is not the note"):
        noted_version(lake, "sample", "1d", "volatility_garch")
