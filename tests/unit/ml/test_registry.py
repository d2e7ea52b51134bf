import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from include.errors import ModelError
from ml import registry
from ml.training import Trained
from tests.model_lake import FROM_FEATURES, challenger, registry_at

MODEL = "volatility_garch"


def card(identity: str) -> dict[str, Any]:
    facts = {"timeframe": "1d"} | dict.fromkeys(("universe", "seed", "feature_set", "data_hash", "code_hash"), "x")
    comparison = [{"name": "model", "role": "model", "metrics": {"rmse": 1.5}}]
    return {
        **facts,
        "model_name": MODEL,
        "identity": identity,
        "params": {"window": 20},
        "verdict": "met",
        "groups": [{"name": "^GSPC", "comparison": comparison}],
    }


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def test_latest_has_all_that_was_stored(trained: dict[str, Trained]) -> None:
    for model_id, made in trained.items():
        found = challenger(model_id)
        assert found is not None
        assert (found.version, found.run_id, found.card) == (made.version, made.run_id, made.card)
        assert found.aliases == ("challenger",)
        assert {"card.json", "walk_forward.parquet", "dataset.npz"} < set(found.sha256)
        for path, sha256 in found.sha256.items():
            assert hashlib.sha256((found.folder / path).read_bytes()).hexdigest() == sha256
    assert list(trained) == FROM_FEATURES


def test_every_file_on_disk_has_its_hash_apart_and_none_is_a_pickle(trained: dict[str, Trained]) -> None:
    for found in filter(None, map(challenger, trained)):
        files = {path.relative_to(found.folder).as_posix() for path in found.folder.rglob("*") if path.is_file()}
        assert files == {*found.sha256, "card.html"}  # a page for people; nothing is ever loaded from it
        assert {Path(name).suffix for name in files} <= {".html", ".json", ".ubj", ".keras", ".parquet", ".npz"}


@pytest.mark.parametrize("path", ["model/garch.json", "card.json", "walk_forward.parquet"])
def test_a_tampered_artifact_is_refused(trained: dict[str, Trained], path: str) -> None:
    found = challenger(MODEL)
    assert found is not None
    content = found.read(path)
    with changed(found.folder / path, content[:-1] + bytes([content[-1] ^ 1])):
        with pytest.raises(ModelError, match=f"version {found.version}: artifact {path} is not what was stored and is refused"):
            challenger(MODEL)
        if path.startswith("model/"):  # changed after it was opened
            with pytest.raises(ModelError, match="is refused"):
                found.load()
    assert challenger(MODEL) is not None


def test_a_missing_artifact_is_named(trained: dict[str, Trained]) -> None:
    found = challenger(MODEL)
    assert found is not None
    path = found.folder / "model" / "garch.json"
    path.rename(path.with_suffix(".away"))
    try:
        with pytest.raises(ModelError, match=r"artifact model/garch.json cannot be read \(No such file"):
            challenger(MODEL)
    finally:
        path.with_suffix(".away").rename(path)


def test_a_file_that_no_hash_covers_is_never_read(trained: dict[str, Trained]) -> None:
    found = challenger(MODEL)
    assert found is not None
    extra = found.folder / "model" / "evil.json"
    extra.write_bytes(b"{}")
    try:
        assert "model/evil.json" not in challenger(MODEL).sha256
        with pytest.raises(ModelError, match=r"evil.json is not what was stored"):
            found.read("model/evil.json")
    finally:
        extra.unlink()


def test_versions_find_and_unfinished_ones(tmp_path: Path) -> None:
    with registry_at(tmp_path):
        assert challenger(MODEL) is None
        first = registry.register(card("a"), {"garch.json": b"{}"}, {"note.json": b"1"})
        second = registry.register(card("b"), {"garch.json": b"{}"}, {})
        assert (first.version, second.version) == ("1", "2")
        assert first.card["version"] == "1"
        assert registry.find(MODEL, "a").version == "1"
        assert registry.find(MODEL, "c") is None
        assert challenger(MODEL).aliases == ("challenger",)
        assert registry.find(MODEL, "a").aliases == ()
        # A training that died before its last step leaves a version without identity.
        client = registry._client()
        client.create_model_version(MODEL, str(first.folder), first.run_id)
        assert challenger(MODEL).version == "2"
        run = client.get_run(first.run_id)
        assert run.info.status == "FINISHED"
        assert run.data.metrics == {"_GSPC/model/rmse": 1.5}
        assert run.data.params["window"] == "20"
        assert json.loads((first.folder / "note.json").read_text()) == 1
        assert str(tmp_path) in str(first.folder)


def test_a_failed_registration_leaves_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with registry_at(tmp_path):
        client = registry._client()
        monkeypatch.setattr(MlflowClient, "set_model_version_tag", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            registry.register(card("a"), {"garch.json": b"{}"}, {})
        assert challenger(MODEL) is None
        runs = client.search_runs([registry._experiment(client)])
        assert [run.info.status for run in runs] == ["FAILED"]


def test_two_processes_may_be_the_first_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from tests.unit.ml.test_registry import card; from ml import registry;"
        "print(registry.register(card(sys.argv[1]), {'garch.json': b'{}'}, {}).version)"
    )
    with registry_at(tmp_path):
        started = [
            subprocess.Popen([sys.executable, "-c", code, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for name in "abc"
        ]
        answers = [process.communicate(timeout=120) for process in started]
        assert [process.returncode for process in started] == [0, 0, 0], answers
        assert sorted(answer[0].strip() for answer in answers) == ["1", "2", "3"]
        assert challenger(MODEL).version == "3"


def test_the_history_of_all_versions_and_the_holders_of_all_aliases(tmp_path: Path) -> None:
    with registry_at(tmp_path):
        registry.register(card("a"), {"garch.json": b"{}"}, {})
        registry.register(card("b"), {"garch.json": b"{}"}, {})
        registry.swap_champion(MODEL, "1", expected=None, tags={"promoted_because": "better"})
        newest, oldest = registry.history(MODEL)
        assert (newest.version, oldest.version) == ("2", "1")
        assert (oldest.tags["stage"], oldest.tags["verdict"], oldest.tags["promoted_because"]) == ("Production", "met", "better")
        assert oldest.created_at <= newest.created_at
        assert not any(name.startswith("sha256.") for name in oldest.tags)
        assert registry.holders() == {MODEL: {"champion": "1", "challenger": "2"}}
