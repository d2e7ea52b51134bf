"""The registry of model versions, in MLflow: native files, each with its SHA-256 kept apart and checked before use.

Nothing is ever unpickled, no flavour that would pickle is used. A version counts once its tag ``identity`` is set: last.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING, Any
from weakref import finalize

from filelock import FileLock

from include.errors import ModelError
from include.settings import settings
from ml.catalog import make_model
from ml.registry_server import connect, reaching, sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from ml.protocol import Fitted

CARD = "card.json"
#: Out-of-sample statements of a version, as :func:`ml.validation.walk_forward.walk_forward` gives them.
WALK_FORWARD = "walk_forward.parquet"
#: What a version was fitted on, see :mod:`ml.stored_dataset`.
DATASET = "dataset.npz"
CHALLENGER = "challenger"
CHAMPION = "champion"
#: For people who are used to stages; the aliases are the truth.
STAGE = "stage"
#: For lists of versions, whose cards nobody opens.
VERDICT = "verdict"
STAGING, PRODUCTION, ARCHIVED = "Staging", "Production", "Archived"
_MODEL_FOLDER = "model"
_HASH_TAG = "sha256."
_IDENTITY_TAG = "identity"
_LOCK_SECONDS = 300


@dataclass(frozen=True)
class Registered:
    """A version whose artifacts are as they were stored; ``folder`` holds them on this machine, ``tags`` may change later."""

    model_id: str
    version: str
    run_id: str
    card: dict[str, Any]
    folder: Path
    aliases: tuple[str, ...]
    sha256: Mapping[str, str]
    tags: Mapping[str, str]

    def read(self, path: str) -> bytes:
        """One artifact, checked.

        Raises
        ------
        ModelError
            If it is missing or not what was stored.
        """
        return _read_checked(self.model_id, self.version, self.folder, path, self.sha256.get(path, ""))

    def load(self) -> Fitted:
        """Load the fitted model, from checked bytes."""
        paths = [path for path in self.sha256 if path.startswith(f"{_MODEL_FOLDER}/")]
        return make_model(str(self.card["model_name"])).load({path.removeprefix(f"{_MODEL_FOLDER}/"): self.read(path) for path in paths})


@dataclass(frozen=True)
class VersionNote:
    """What the registry says of a version, unchecked."""

    version: str
    run_id: str
    created_at: datetime
    tags: Mapping[str, str]


@contextmanager
def exclusive() -> Iterator[None]:
    """Hold the right to change the SQLite file, its tables included; may be entered again inside. A server has no such thing."""
    database = sqlite_file(settings().mlflow_tracking_uri)
    if database is None:
        yield
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{database}.lock", timeout=_LOCK_SECONDS, is_singleton=True):
        yield


def register(
    card: Mapping[str, Any], model_files: Mapping[str, bytes], artifacts: Mapping[str, bytes], *, name: str | None = None
) -> Registered:
    """Store a model as a new version with alias ``challenger``.

    Parameters
    ----------
    card
        Has ``model_name`` and ``identity``; the version is added.
    model_files, artifacts
        File name to content.
    name
        To register it under; None: the model's id.
    """
    model_id = name or str(card["model_name"])
    with exclusive():
        client = _client()
        run = client.create_run(_experiment(client), run_name=model_id, tags={"model_name": model_id, _IDENTITY_TAG: card["identity"]})
        run_id = run.info.run_id
        try:
            _log_figures(client, run_id, card)
            content = {**{f"{_MODEL_FOLDER}/{name}": data for name, data in model_files.items()}, **artifacts}
            _log_files(client, run_id, content)
            _make_name(client, model_id)
            version = client.create_model_version(model_id, f"{run.info.artifact_uri}/{_MODEL_FOLDER}", run_id)
            content[CARD] = (json.dumps({**card, "version": str(version.version)}, indent=1, allow_nan=False) + "\n").encode()
            _log_files(client, run_id, {CARD: content[CARD]})
            for path, data in content.items():
                client.set_model_version_tag(model_id, version.version, f"{_HASH_TAG}{path}", hashlib.sha256(data).hexdigest())
            client.set_model_version_tag(model_id, version.version, STAGE, STAGING)
            client.set_model_version_tag(model_id, version.version, VERDICT, str(card["verdict"]))
            client.set_model_version_tag(model_id, version.version, _IDENTITY_TAG, card["identity"])
            aliases = _aliases(client, model_id)
            client.set_registered_model_alias(model_id, CHALLENGER, version.version)
            if (former := aliases.get(CHALLENGER)) and former != aliases.get(CHAMPION):
                client.set_model_version_tag(model_id, former, STAGE, ARCHIVED)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)
    return _open(version)


def attach(run_id: str, files: Mapping[str, bytes]) -> None:
    """Put files for people to read beside a run's artifacts; no model is ever loaded from them."""
    with exclusive():
        _log_files(_client(), run_id, files)


def find(model_id: str, identity: str) -> Registered | None:
    """Return the newest complete version made from exactly the same; None where there is none."""
    for version in _versions(model_id):
        if version.tags[_IDENTITY_TAG] == identity:
            return _open(version)
    return None


def get(model_id: str, version: str) -> Registered:
    """Return one complete version.

    Raises
    ------
    ModelError
        If there is none, or one of its artifacts is missing or was changed.
    """
    found = {str(one.version): one for one in _versions(model_id)}
    if version not in found:
        raise ModelError(f"model {model_id} has no version {version}; it has {', '.join(sorted(found, key=int)) or 'none'}")
    return _open(found[version])


def holder(model_id: str, alias: str) -> str | None:
    """Version that has an alias now; None where none has."""
    return _aliases(_client(), model_id).get(alias)


def holders() -> dict[str, dict[str, str]]:
    """Versions by alias, by model, of all models at once."""
    found = _client().search_registered_models(max_results=1000)
    return {model.name: {alias: str(version) for alias, version in model.aliases.items()} for model in found}


def history(model_id: str) -> list[VersionNote]:
    """Complete versions, the newest first, without opening them: artifacts are not looked at."""
    return [
        VersionNote(
            str(version.version),
            str(version.run_id),
            datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
            {key: value for key, value in version.tags.items() if not key.startswith(_HASH_TAG)},
        )
        for version in _versions(model_id)
    ]


def tags(model_id: str, version: str) -> dict[str, str]:
    """Tags of a version, without opening it: artifacts are not looked at."""
    with exclusive():
        return dict(_client().get_model_version(model_id, version).tags)


def note(model_id: str, version: str, tags: Mapping[str, str]) -> None:
    """Set tags of a version; who serves stays as it is."""
    with exclusive():
        for name, value in tags.items():
            _client().set_model_version_tag(model_id, version, name, value)


def swap_champion(
    model_id: str,
    version: str | None,
    *,
    expected: str | None,
    tags: Mapping[str, str] | None = None,
    former: Mapping[str, str] | None = None,
) -> None:
    """Give the alias ``champion`` to ``version`` (None: to nobody), if it is still where it is ``expected`` to be.

    The former champion's stage becomes Archived. On a SQLite file nobody else changes the registry meanwhile; a server has no lock,
    so there the alias is read again afterwards.

    Parameters
    ----------
    tags
        To be set on ``version``.
    former
        To be set on the champion that is replaced.

    Raises
    ------
    ModelError
        If another champion was made since; nothing was changed then.
    """
    with exclusive():
        client = _client()
        aliases = _aliases(client, model_id)
        if aliases.get(CHAMPION) != expected:
            raise ModelError(
                f"champion of {model_id} is by now version {aliases.get(CHAMPION) or 'none'}, not {expected or 'none'}; "
                "nothing was changed, decide again"
            )
        if version is None:
            client.delete_registered_model_alias(model_id, CHAMPION)
        else:
            for name, value in (tags or {}).items():
                client.set_model_version_tag(model_id, version, name, value)
            client.set_registered_model_alias(model_id, CHAMPION, version)
            client.set_model_version_tag(model_id, version, STAGE, PRODUCTION)
            if aliases.get(CHALLENGER) == version:
                client.delete_registered_model_alias(model_id, CHALLENGER)
        if expected is not None and expected != version:
            for name, value in {STAGE: ARCHIVED, **(former or {})}.items():
                client.set_model_version_tag(model_id, expected, name, value)
        if _aliases(client, model_id).get(CHAMPION) != version:
            raise ModelError(f"someone else changed the champion of {model_id} in the same moment; look at it and decide again")


def _aliases(client: MlflowClient, model_id: str) -> dict[str, str]:
    found = client.search_registered_models(f"name = '{model_id}'")
    return {alias: str(version) for alias, version in found[0].aliases.items()} if found else {}


def _versions(model_id: str) -> list[ModelVersion]:
    found = _client().search_model_versions(f"name = '{model_id}'", max_results=1000)
    return sorted((version for version in found if _IDENTITY_TAG in version.tags), key=lambda version: -int(version.version))


def _open(version: ModelVersion) -> Registered:
    from mlflow.artifacts import download_artifacts

    uri = settings().mlflow_tracking_uri
    version = _client().get_model_version(version.name, version.version)  # a search leaves the aliases out
    # Beside a SQLite file the artifacts lie on this machine and are read in place; a server's are fetched, and go with what holds them.
    fetched = None if sqlite_file(settings().mlflow_tracking_uri) else mkdtemp(prefix="marketmill-model-")
    try:
        with reaching(uri):
            folder = download_artifacts(run_id=version.run_id, artifact_path="", tracking_uri=uri, dst_path=fetched)
        found = _checked(version, Path(folder))
    except BaseException:
        if fetched:
            rmtree(fetched, ignore_errors=True)
        raise
    if fetched:
        finalize(found, rmtree, fetched, ignore_errors=True)
    return found


def _checked(version: ModelVersion, folder: Path) -> Registered:
    hashes = {key.removeprefix(_HASH_TAG): value for key, value in version.tags.items() if key.startswith(_HASH_TAG)}
    checked = {path: _read_checked(version.name, version.version, folder, path, sha256) for path, sha256 in sorted(hashes.items())}
    if CARD not in checked:
        raise ModelError(f"model {version.name} version {version.version} has no {CARD}; train it again")
    card = json.loads(checked[CARD])
    others = {key: value for key, value in version.tags.items() if not key.startswith(_HASH_TAG)}
    return Registered(version.name, str(version.version), str(version.run_id), card, folder, tuple(version.aliases), hashes, others)


def _read_checked(model_id: str, version: str | int, folder: Path, path: str, sha256: str) -> bytes:
    try:
        data = (folder / path).read_bytes()
    except OSError as error:
        raise ModelError(
            f"model {model_id} version {version}: artifact {path} cannot be read ({error.strerror}); train it again"
        ) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f"model {model_id} version {version}: artifact {path} is not what was stored and is refused; train it again")
    return data


def _log_files(client: MlflowClient, run_id: str, content: Mapping[str, bytes]) -> None:
    with TemporaryDirectory() as folder:
        for path, data in content.items():
            place = Path(folder, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        client.log_artifacts(run_id, folder)


def _log_figures(client: MlflowClient, run_id: str, card: Mapping[str, Any]) -> None:
    from mlflow.entities import Metric, Param

    started = client.get_run(run_id).info.start_time
    names = ("universe", "timeframe", "seed", "feature_set", "data_hash", "code_hash")
    params = [Param(name, str(card[name])) for name in names] + [Param(name, str(value)) for name, value in card["params"].items()]
    metrics = [
        Metric(re.sub(r"[^\w. /-]", "_", f"{group['name']}/{line['name']}/{name}"), value, started, 0)
        for group in card["groups"]
        for line in group["comparison"]
        for name, value in line["metrics"].items()
    ]
    client.log_batch(run_id, params=params)
    for first in range(0, len(metrics), 1000):  # the most that one request may hold
        client.log_batch(run_id, metrics=metrics[first : first + 1000])


def _make_name(client: MlflowClient, model_id: str) -> None:
    if not client.search_registered_models(f"name = '{model_id}'"):
        client.create_registered_model(model_id)


def _experiment(client: MlflowClient) -> str:
    name = settings().mlflow_experiment_name
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    database = sqlite_file(settings().mlflow_tracking_uri)
    # Beside the database, by its full path: MLflow's default would be the folder that the process happens to be in.
    location = (database.parent / "artifacts").as_uri() if database else None
    return str(client.create_experiment(name, artifact_location=location))


def _client() -> MlflowClient:
    with exclusive():
        return connect(settings().mlflow_tracking_uri)
