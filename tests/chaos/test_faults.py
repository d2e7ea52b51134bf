"""Other things that happen to machines: a full disk, a lake that may not be written, a registry that is away, two runs at once."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.conftest import STAGES
from tests.chaos.mill import Mill, Zygote

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

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
