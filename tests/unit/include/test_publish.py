"""A month changes in one instant, whoever reads, writes or is killed meanwhile."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from include import publish
from include.errors import LakeError
from include.lake import Lake
from include.publish import (
    Manifest,
    commit_month,
    dataset_content,
    list_months,
    month_folder,
    publish_month,
    read_manifest,
    read_month,
    stage_part,
)

DATASET, MONTH = "bars/timeframe=1d", "2018-06"
PROJECT = Path(__file__).resolve().parents[3]


def table(value: int, rows: int = 500) -> pa.Table:
    return pa.table({"value": pa.array([value] * rows, pa.int64())})


def put(lake: Lake, value: int, rows: int = 500) -> publish.Published:
    return publish_month(lake, DATASET, MONTH, lambda _: table(value, rows))


def held(lake: Lake) -> set[int]:
    month = read_month(lake, DATASET, MONTH)
    return set() if month is None else set(month["value"].to_pylist())


def content(lake: Lake) -> dict[str, bytes]:
    """Every file of the dataset, hidden ones too."""
    root = Path(lake.root, DATASET)
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_publishing_twice_changes_no_byte(lake: Lake) -> None:
    first = put(lake, 1)
    before = content(lake)
    second = put(lake, 1)
    assert (first.changed, second.changed) == (True, False)
    assert first.content == second.content
    assert content(lake) == before


def test_a_month_that_was_never_published_is_told_from_an_empty_one(lake: Lake) -> None:
    assert read_manifest(lake, DATASET, MONTH) is None
    put(lake, 1, rows=0)
    assert read_manifest(lake, DATASET, MONTH) == Manifest(())
    assert read_month(lake, DATASET, MONTH) is None
    assert list_months(lake, DATASET) == [MONTH]


def test_another_month_is_never_touched(lake: Lake) -> None:
    publish_month(lake, DATASET, "2018-05", lambda _: table(5))
    before = content(lake)
    put(lake, 1)
    assert {name: data for name, data in content(lake).items() if "2018-05" in name} == before


def test_merging_sees_what_the_month_holds(lake: Lake) -> None:
    put(lake, 1)
    publish_month(lake, DATASET, MONTH, lambda held_now: pa.concat_tables([held_now, table(2)]))
    assert held(lake) == {1, 2}


def test_parts_of_several_writers_become_one_month(lake: Lake) -> None:
    parts = [stage_part(lake, DATASET, MONTH, f"bucket{number}", table(number)) for number in (1, 0)]
    assert held(lake) == set()
    commit_month(lake, DATASET, MONTH, parts, inputs="of these")
    assert held(lake) == {0, 1}
    manifest = read_manifest(lake, DATASET, MONTH)
    assert manifest is not None
    assert (manifest.inputs, manifest.rows) == ("of these", 1000)
    assert dataset_content(lake, DATASET, [MONTH, "2018-07"]) == {MONTH: manifest.content}


def test_a_part_that_was_never_staged_is_named_and_changes_nothing(lake: Lake) -> None:
    put(lake, 1)
    part = stage_part(lake, DATASET, MONTH, "part", table(2))
    lake.delete_folder("staging")
    with pytest.raises(LakeError, match="was never staged; run the task"):
        commit_month(lake, DATASET, MONTH, [part])
    assert held(lake) == {1}


def test_a_reader_sees_the_old_month_or_the_new_one(lake: Lake) -> None:
    put(lake, 0)
    stop, seen, faults = threading.Event(), set(), []

    def read() -> None:
        while not stop.is_set():
            try:
                month = read_month(lake, DATASET, MONTH)
                assert month is not None
                values = month["value"].to_pylist()
                assert len(values) == 500
                assert len(set(values)) == 1
                seen.add(values[0])
            except Exception as error:  # noqa: BLE001 - whatever a reader meets is a fault
                faults.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for value in range(1, 80):
        put(lake, value)
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert len(seen) > 3


class Killed(BaseException):
    """Stands for the end of the process: no ``except Exception`` stops it."""


def test_stopping_after_any_step_leaves_one_state_and_a_rerun_completes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected: dict[str, bytes] = {}
    for steps in range(100):
        lake = Lake(str(tmp_path / f"lake{steps}"))
        put(lake, 1)
        done = 0

        def stopping(name: str, steps: int = steps) -> None:
            original = getattr(Lake, name)

            def step(*arguments: object) -> object:
                nonlocal done
                if done == steps:
                    raise Killed
                done += 1
                return original(*arguments)

            monkeypatch.setattr(Lake, name, step)

        for name in ("write", "move", "delete"):
            stopping(name)
        try:
            put(lake, 2)
            finished = True
        except Killed:
            finished = False
        monkeypatch.undo()
        assert held(lake) in ({1}, {2})
        put(lake, 2)
        assert held(lake) == {2}
        expected = expected or content(lake)
        assert content(lake) == expected
        if finished:
            assert steps >= 4
            return
    pytest.fail("publishing never ended")


PUBLISHER = """
import sys
import pyarrow as pa
from include.lake import Lake
from include.publish import publish_month
lake, values = Lake(sys.argv[1]), [int(value) for value in sys.argv[3:]]
print("ready", flush=True)
for _ in range(int(sys.argv[2])):
    for value in values:
        publish_month(lake, "bars/timeframe=1d", "2018-06", lambda held: pa.table({"value": pa.array([value] * 200_000, pa.int64())}))
"""


def start(script: str, lake: Lake, *arguments: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, lake.root, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_a_killed_publisher_leaves_one_state_and_a_rerun_gives_the_same_content(lake: Lake, tmp_path: Path) -> None:
    clean = Lake(str(tmp_path / "clean"))
    put(clean, 7)
    chance = random.Random(3)
    for _ in range(6):
        put(lake, 0, 200_000)
        process = start(PUBLISHER, lake, 10_000, 1, 2)
        time.sleep(chance.uniform(0.01, 0.15))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        values = held(lake)
        assert len(values) == 1
        assert values <= {0, 1, 2}
        put(lake, 7)
        assert content(lake) == content(clean)


ADDER = """
import sys
import pyarrow as pa
from include.lake import Lake
from include.publish import publish_month
lake, first = Lake(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for value in range(first, first + 40):
    added = pa.table({"value": pa.array([value], pa.int64())})
    publish_month(lake, "bars/timeframe=1d", "2018-06", lambda held: pa.concat_tables([held, added]).sort_by("value"))
"""


def test_two_processes_that_add_to_the_same_month_lose_nothing(lake: Lake) -> None:
    put(lake, 0, rows=1)
    processes = [start(ADDER, lake, first) for first in (100, 200)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    while any(process.poll() is None for process in processes):
        values = held(lake)
        assert values >= {0}
    assert [process.wait() for process in processes] == [0, 0]
    assert held(lake) == {0, *range(100, 140), *range(200, 240)}
    manifest = read_manifest(lake, DATASET, MONTH)
    assert manifest is not None
    assert sorted(content(lake)) == sorted([f"month={MONTH}/{name}" for name in ("_manifest.json", manifest.parts[0].name)])


def test_what_a_killed_writer_left_in_the_month_is_gone_after_the_next(lake: Lake) -> None:
    put(lake, 1)
    before = content(lake)
    lake.write(f"{month_folder(DATASET, MONTH)}/._manifest.json.0123.tmp", b"half")
    put(lake, 1)
    assert content(lake) == before


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"parts": [{"file": 1}], "inputs": ""}', b"\xff\xfe"])
def test_a_damaged_manifest_is_one_clear_error(lake: Lake, damage: bytes) -> None:
    put(lake, 1)
    lake.write(f"{month_folder(DATASET, MONTH)}/_manifest.json", damage)
    with pytest.raises(
        LakeError, match=r"month=2018-06/_manifest\.json is damaged .*; delete the month's folder and build the month again"
    ):
        read_month(lake, DATASET, MONTH)


def test_a_missing_or_damaged_part_is_one_clear_error_and_the_remedy_works(lake: Lake) -> None:
    put(lake, 1)
    folder = month_folder(DATASET, MONTH)
    part = f"{folder}/{json.loads(lake.read(f'{folder}/_manifest.json'))['parts'][0]['name']}"
    lake.write(part, lake.read(part)[:100])
    with pytest.raises(LakeError, match=r"is not readable as Parquet.*; delete the month's folder and build the month again"):
        read_month(lake, DATASET, MONTH)
    lake.delete(part)
    with pytest.raises(LakeError, match="names parts that are not there; delete the month's folder and build the month again"):
        read_month(lake, DATASET, MONTH)
    lake.delete_folder(folder)
    assert put(lake, 1).changed
    assert held(lake) == {1}
