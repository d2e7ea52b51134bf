from pathlib import Path

import pytest

from include.errors import ConfigurationError
from include.universes import Universe
from include.yaml_files import load_yaml


def test_aliases_that_stand_for_more_than_memory_holds_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{depth}: &a{depth} [{', '.join([f'*a{depth - 1}'] * 10)}]" for depth in range(1, 12)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join([*lines, "name: bomb", "instruments: *a11"]))
    with pytest.raises(ConfigurationError, match=r"bomb.yaml: is not YAML: the alias \*a0 is not allowed") as told:
        load_yaml(path, Universe)
    assert len(str(told.value)) < 300


def test_a_wrong_value_is_shown_as_far_as_a_person_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text(f"name: long\ndescription: d\ninstruments: {'x' * 1_000_000}\n")
    with pytest.raises(ConfigurationError, match=r"long.yaml: instruments: .*, got 'xxxx.*\.\.\..*xxxx'") as told:
        load_yaml(path, Universe)
    assert len(str(told.value)) < 400


def test_a_faulty_part_is_one_fault(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("name: odd\ndescription: d\ninstruments:\n- {symbol: ../../x, name: x, kind: stock, calendar: XNYS}\n")
    with pytest.raises(ConfigurationError) as told:
        load_yaml(path, Universe)
    assert "instruments.0.symbol" in str(told.value)
    assert "at least 1 item" not in str(told.value)
