"""What an earlier version wrote is read by this one, and worked on."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from include.predictions import read_predictions
from include.results.address import parse_address
from include.results.engine import open_engine
from include.results.migrate import migrate
from ml import registry
from tests.chaos.mill import Mill, Zygote, move_artifacts
from tests.model_lake import registry_at
from tests.releases.make import ABOUT, FOLDER, MODEL, counts, stages

pytestmark = pytest.mark.system


@pytest.fixture(params=sorted(FOLDER.glob("*.tar.xz")), ids=lambda path: path.name.removesuffix(".tar.xz"))
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of a mill, as a version left it."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    folder = tmp_path / "mill"
    move_artifacts(folder / "mlflow" / "mlflow.db", json.loads((folder / ABOUT).read_text())["folder"], str(folder))
    return folder


def test_all_months_the_registry_and_the_results_are_read_and_a_backfill_goes_on(zygote: Zygote, written: Path) -> None:
    mill = Mill(zygote, written)
    assert counts(mill) == json.loads((written / ABOUT).read_text())["rows"]
    migrate(open_engine(parse_address(f"sqlite:///{written / 'results.db'}", written)))
    with registry_at(written / "mlflow"):
        champion = registry.holder(MODEL, registry.CHAMPION)
        assert champion is not None
        registry.get(MODEL, champion).load()
    assert set(read_predictions(mill.lake, MODEL)["model_version"]) == {champion}
    bars = {name: digest for name, digest in mill.content().items() if name.startswith("bars")}
    for stage in stages(written / "csv"):
        code, _ = mill.run(stage)
        assert code == 0, mill.log[-4000:]
    assert {name: digest for name, digest in mill.content().items() if name.startswith("bars")} == bars
