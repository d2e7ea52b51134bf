"""The undisturbed run, whose states before and after each stage every disturbed one is held against."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from include.results.address import parse_address
from include.results.engine import open_engine
from include.results.migrate import migrate
from tests.chaos.mill import Mill, Stage, Zygote

UNIVERSE = {"universe": "sample", "source": "sample", "symbols": ["^GSPC", "^VIX"], "start": "2015-06-01", "end": "2018-06-01"}
STAGES = (
    Stage("backfill", ("backfill_market", "--conf", json.dumps(UNIVERSE))),
    Stage("train", ("train_models", "--conf", json.dumps({"models": ["volatility_garch"], "universe": "sample"}))),
    Stage("promote", ("promote_models",)),
    Stage("predict", ("predict", "--conf", json.dumps({"models": ["volatility_garch"], "months": ["2018-04", "2018-05"]}))),
    Stage("simulate", ("simulate_trades", "--conf", json.dumps({"rules": ["momentum"], "universe": "sample"}))),
)


@dataclass
class Undisturbed:
    """By the name of a stage the mill before it and after it, and how long it took."""

    before: dict[str, Mill] = field(default_factory=dict)
    after: dict[str, Mill] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    subprocess.run(["airflow", "db", "migrate"], check=True, capture_output=True, timeout=300)
    zygote = Zygote()
    yield zygote
    zygote.close()


@pytest.fixture(scope="session")
def undisturbed(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    root, known = tmp_path_factory.mktemp("undisturbed"), Undisturbed()
    mill = Mill(zygote, root / "start")
    migrate(open_engine(parse_address(f"sqlite:///{mill.folder / 'results.db'}", root)))
    for stage in STAGES:
        known.before[stage.name] = mill
        mill = mill.copy(root / stage.name)
        code, known.seconds[stage.name] = mill.run(stage)
        assert code == 0, mill.log[-4000:]
        known.after[stage.name] = mill
    return known


@pytest.fixture
def mill_before(undisturbed: Undisturbed, tmp_path: Path):
    """Make a copy of the mill as it was before a stage."""
    made = []

    def mill_before(stage: str) -> Mill:
        made.append(undisturbed.before[stage].copy(tmp_path / f"mill{len(made)}"))
        return made[-1]

    return mill_before
