"""Settings: a DAG param wins over the environment, the environment (with ``.env``) over ``config/settings.yaml``."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from include.errors import ConfigurationError
from include.lake import Lake
from include.sources import SourceName
from include.yaml_files import explain

PROJECT = Path(__file__).resolve().parent.parent
SETTINGS_FILE = PROJECT / "include" / "config" / "settings.yaml"


def _named(*names: str) -> AliasChoices:
    return AliasChoices(*names)


def _secret(value: object) -> SecretStr:
    """Take whatever was given: an error of pydantic would show it. Who uses the secret checks it."""
    return value if isinstance(value, SecretStr) else SecretStr(str(value))


def _results_file() -> SecretStr:
    return SecretStr(f"sqlite:///{PROJECT / '.marketmill' / 'results.db'}")


class DatedSplit(BaseModel):
    """Dates (UTC) at which the parts of the dated split begin, each ending where the next begins; ``end`` is the day after the test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    training: date = date(2020, 1, 1)
    validation: date = date(2024, 1, 1)
    test: date = date(2024, 7, 1)
    end: date = date(2025, 2, 1)

    @model_validator(mode="after")
    def _in_order(self) -> DatedSplit:
        if not self.training < self.validation < self.test < self.end:
            raise ValueError("training, validation, test and end must follow each other")
        return self


class Settings(BaseSettings):
    """Everything that can be set outside a DAG's form."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", yaml_file=SETTINGS_FILE, populate_by_name=True)

    lake: Annotated[
        str, Field(validation_alias=_named("lake", "IBKR_TRAINING_CACHE_DIR"), description="a folder or s3://bucket/prefix")
    ] = str(PROJECT / "lake")
    universe: Annotated[str, Field(description="default universe of the DAGs")] = "sample"
    source: Annotated[
        SourceName, Field(validation_alias=_named("source", "IBKR_TRAINING_DATA_SOURCE"), description="default source of the DAGs")
    ] = SourceName.SAMPLE
    batch_size: Annotated[int, Field(ge=1, le=500, description="symbols of one mapped fetch task")] = 5
    adjust_dividends: Annotated[bool, Field(description="make the prices of the features whole for dividends, not only for splits")] = False
    csv_folder: Annotated[str | None, Field(description="folder of the csv source")] = None
    mlflow_tracking_uri: Annotated[str, Field(description="SQLite file or server")] = f"sqlite:///{PROJECT / '.mlflow' / 'mlflow.db'}"
    mlflow_experiment_name: str = "marketmill"
    seed: Annotated[int, Field(ge=0, description="seed of everything random")] = 7
    dated_split: Annotated[
        DatedSplit, Field(description="parts on which each version is looked at once more; nothing is decided on them")
    ] = DatedSplit()
    model_months: Annotated[int, Field(ge=1, description="months after its training data for which a model may still predict")] = 6
    require_approval: Annotated[bool, Field(description="let no version serve without a human's yes, also in runs that events start")] = (
        False
    )
    notify_quarantine_share: Annotated[
        float, Field(ge=0, le=1, description="share of a run's rows above which refused rows are worth a message")
    ] = 0.01
    results_url: Annotated[
        SecretStr,
        BeforeValidator(_secret),
        Field(
            validation_alias=_named("results_url", "DB_URL", "DATABASE_URL"),
            description="database of quotas and results, sqlite:///file or postgresql://user:password@host/database",
        ),
    ] = Field(default_factory=_results_file)
    training_client_id: Annotated[
        int,
        Field(
            ge=1,
            le=2_000_000_000,
            validation_alias=_named("training_client_id", "IBKR_TRAINING_CLIENT_ID"),
            description="IBKR client id that is kept for history; parallel tasks take the ids after it",
        ),
    ] = 190
    training_max_snapshots: Annotated[
        int | None,
        Field(
            ge=1,
            validation_alias=_named("training_max_snapshots", "IBKR_TRAINING_MAX_SNAPSHOTS"),
            description="most IBKR requests of one run; not set: 50 for option chains, no limit for bars",
        ),
    ] = None
    training_snapshot_interval: Annotated[
        float,
        Field(
            ge=0,
            le=3600,
            allow_inf_nan=False,
            validation_alias=_named("training_snapshot_interval", "IBKR_TRAINING_SNAPSHOT_INTERVAL"),
            description="least seconds between two IBKR requests",
        ),
    ] = 1.0

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Sources in the order of their rank; ``.env`` is exported by ``environment.sh`` and so is part of the environment."""
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process.

    Raises
    ------
    ConfigurationError
        If a value is not allowed or a key is unknown; the message names the key and what is allowed.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(f"settings ({SETTINGS_FILE} and environment): {explain(error, Settings)}") from error


def open_lake() -> Lake:
    """The lake of the settings."""
    return Lake(settings().lake)
