import pytest

from include.errors import ModelError
from ml.trained_versions import Note, note_no_edge, note_shortage, note_version, read_note

PATH = "models/timeframe=1d/universe=sample/volatility_garch.json"
WHERE = ("sample", "1d", "volatility_garch")


def test_each_lake_universe_and_timeframe_has_its_own_version(lake) -> None:
    assert read_note(lake, *WHERE) == Note()
    note_version(lake, *WHERE, "3")
    note_version(lake, "core5", "1d", "volatility_garch", "4")
    assert read_note(lake, *WHERE) == Note("3")
    note_version(lake, *WHERE, "1")  # trained again on the bars of version 1
    assert read_note(lake, *WHERE) == Note("1")


def test_too_little_data_is_noted_until_there_is_enough(lake) -> None:
    note_shortage(lake, *WHERE, "few rows")
    assert read_note(lake, *WHERE) == Note(None, "few rows")
    note_version(lake, *WHERE, "3")
    assert read_note(lake, *WHERE) == Note("3")
    note_shortage(lake, *WHERE, "fewer rows")
    assert read_note(lake, *WHERE) == Note("3", "fewer rows")


def test_no_edge_stands_in_place_of_a_version(lake) -> None:
    note_version(lake, *WHERE, "3")
    note_no_edge(lake, *WHERE, "nothing earned anything")
    assert read_note(lake, *WHERE) == Note(None, None, "nothing earned anything")
    note_version(lake, *WHERE, "3")
    assert read_note(lake, *WHERE) == Note("3")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff"])
def test_a_damaged_note_is_an_error_that_names_it(lake, content: bytes) -> None:
    lake.write(PATH, content)
    with pytest.raises(ModelError, match=f"{PATH} is not the note"):
        read_note(lake, *WHERE)
