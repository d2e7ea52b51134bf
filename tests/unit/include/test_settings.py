"""The rank of the settings' sources and the errors they give."""

import re
from pathlib import Path

import pytest
from pydantic import AliasChoices

from include import config_schema
from include.errors import ConfigurationError, LakeError
from include.settings import PROJECT, DatedSplit, Settings, SourceName, open_lake, settings


@pytest.fixture(autouse=True)
def fresh_settings() -> object:
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNIVERSE", raising=False)
    assert settings().universe == "sample"
    settings.cache_clear()
    monkeypatch.setenv("UNIVERSE", "core5")
    assert settings().universe == "core5"


def test_the_older_names_are_understood(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LAKE", raising=False)
    monkeypatch.delenv("SOURCE", raising=False)
    monkeypatch.setenv("IBKR_TRAINING_DATA_SOURCE", "yfinance")
    monkeypatch.setenv("IBKR_TRAINING_CACHE_DIR", str(tmp_path))
    assert settings().source is SourceName.YAHOO
    assert settings().lake == str(tmp_path)


def test_a_wrong_value_names_key_and_allowed_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE", "bloomberg")
    with pytest.raises(ConfigurationError, match=r"source: .*'sample', 'csv', 'yahoo', 'ibkr' or 'binance', got 'bloomberg'"):
        settings()


def test_an_unknown_key_of_the_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("univers: sample\n", encoding="utf-8")
    monkeypatch.setitem(Settings.model_config, "yaml_file", path)
    with pytest.raises(ConfigurationError, match=r"univers: is not a known key \(allowed: lake, universe"):
        settings()


def test_a_lake_that_cannot_be_written_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE", "/proc/nowhere")
    with pytest.raises(LakeError, match=r"the lake /proc/nowhere cannot be written .* set LAKE"):
        open_lake()
    settings.cache_clear()
    monkeypatch.setenv("LAKE", "ftp://host/lake")
    with pytest.raises(LakeError, match=r"must be a folder or an s3:// URL"):
        open_lake()


def test_the_stored_schemas_are_current() -> None:
    stored = {path.name: path.read_text(encoding="utf-8") for path in config_schema.FOLDER.glob("*.json")}
    assert stored == config_schema.render(), "run: python -m include.config_schema"


def test_every_setting_is_in_the_example_by_each_of_its_names():
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    names = {
        str(name).upper()
        for field, facts in Settings.model_fields.items()
        for name in (facts.validation_alias.choices if isinstance(facts.validation_alias, AliasChoices) else [field])
    }
    assert {name for name in names if not re.search(rf"\b{name}\b", example)} == set()
    shown = dict(re.findall(r"^# ([A-Z_]+)=(.+)$", example, re.MULTILINE))
    assert DatedSplit.model_validate_json(shown["DATED_SPLIT"]) == DatedSplit()
    assert (int(shown["SEED"]), int(shown["MODEL_MONTHS"]), int(shown["BATCH_SIZE"])) == (7, 6, 5)
