"""Kill the chain at random moments, fill its disk, take its registry away, run it twice at once: the lake is that of an undisturbed run.

``make chaos KILLS=100`` is the long form; ``make test`` kills a backfill and a training. All in one module, so that the undisturbed run
is made once.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.chaos.conftest import STAGES
from tests.chaos.mill import Mill, Zygote

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

KILLS = int(os.environ.get("CHAOS_KILLS", "2"))
SEED = int(os.environ.get("CHAOS_SEED", "7"))
DRAW = random.Random(SEED)
#: Each stage in turn, and how far into its time the kill comes.
MOMENTS = [(STAGES[number % len(STAGES)], DRAW.random()) for number in range(KILLS)]


@pytest.mark.parametrize(("stage", "share"), MOMENTS, ids=[f"{stage.name}-at-{share:.3f}" for stage, share in MOMENTS])
def test_killed_and_run_again_it_is_as_if_nothing_had_happened(undisturbed, mill_before, stage, share):
    mill: Mill = mill_before(stage.name)
    with mill.read_meanwhile() as torn:
        code, _ = mill.run(stage, kill_after=share * undisturbed.seconds[stage.name])
        half = mill.content()
        again, _ = mill.run(stage)
    assert torn == []
    assert again == 0, mill.log[-4000:]
    whole = undisturbed.after[stage.name].content()
    assert mill.content() == whole
    # What readers saw after the kill was the month before or the month after, never a third thing.
    before = undisturbed.before[stage.name].content()
    assert {name for name, digest in half.items() if digest not in (before.get(name), whole.get(name))} == set()
    assert code in (0, -9)


BACKFILL, TRAIN = STAGES[0], STAGES[1]


@contextmanager
def mounted(folder: Path, options: str):
    """A file system in memory at ``folder``. Skips where it may not be mounted."""
    folder.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_named_and_once_there_is_room_the_run_goes_on(zygote, undisturbed, tmp_path):
    mill = Mill(zygote, tmp_path / "mill")
    with mounted(tmp_path / "mill" / "lake", "size=3m"):
        code, _ = mill.run(BACKFILL)
        assert code != 0
        assert "No space left on device" in mill.log
        with mill.read_meanwhile() as torn:
            pass
        assert torn == []
        shutil.copytree(tmp_path / "mill" / "lake", tmp_path / "kept")
    shutil.copytree(tmp_path / "kept", tmp_path / "mill" / "lake", dirs_exist_ok=True)
    code, _ = mill.run(BACKFILL)
    assert code == 0, mill.log[-4000:]
    assert mill.content() == undisturbed.after["backfill"].content()


def test_a_lake_that_may_not_be_written_is_one_sentence(zygote, undisturbed, tmp_path):
    mill = undisturbed.after["backfill"].copy(tmp_path / "mill")
    with mounted(tmp_path / "lake", "size=100m"):
        shutil.copytree(mill.folder / "lake", tmp_path / "lake", dirs_exist_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "lake")], check=True)
        code, _ = mill.run(BACKFILL, LAKE=str(tmp_path / "lake"))
    assert code != 0
    assert f"the lake {tmp_path / 'lake'} cannot be written (Read-only file system)" in mill.log


def test_without_its_registry_training_says_so_and_leaves_the_lake_alone(mill_before, undisturbed):
    mill = mill_before("train")
    code, _ = mill.run(TRAIN, MLFLOW_TRACKING_URI="http://127.0.0.1:9", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert code != 0
    assert "127.0.0.1:9" in mill.log
    assert mill.content() == undisturbed.before["train"].content()
    code, _ = mill.run(TRAIN)
    assert code == 0, mill.log[-4000:]


@pytest.mark.parametrize("days", [40, -40][: 1 if KILLS <= 2 else 2])
def test_a_clock_that_jumps_between_two_runs_changes_nothing(undisturbed, tmp_path, days):
    """The run with the wrong clock is killed half-way: what it began has a time in the future, or the past, of the next."""
    mill = Mill(undisturbed.after["backfill"].zygote, tmp_path / "mill")
    mill.run(BACKFILL, kill_after=undisturbed.seconds["backfill"] * 0.7, ahead=timedelta(days=days).total_seconds())
    assert f"{datetime.now(UTC) + timedelta(days=days):%Y-%m}" in mill.log
    code, _ = mill.run(BACKFILL)
    assert code == 0, mill.log[-4000:]
    assert mill.content() == undisturbed.after["backfill"].content()


def test_two_runs_of_the_same_months_at_once_make_one_lake(undisturbed, tmp_path):
    """Each from an Airflow of its own, as two schedulers or two people would."""
    mill = Mill(undisturbed.after["backfill"].zygote, tmp_path / "mill")
    other = Zygote()
    try:
        with ThreadPoolExecutor(2) as pool, mill.read_meanwhile() as torn:
            first = pool.submit(mill.run, BACKFILL)
            second = pool.submit(Mill(other, mill.folder).run, BACKFILL)
            codes = [first.result()[0], second.result()[0]]
    finally:
        other.close()
    assert torn == []
    assert codes == [0, 0], mill.log[-6000:]
    assert mill.content() == undisturbed.after["backfill"].content()
