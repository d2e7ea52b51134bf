"""The lake's primitive reads and writes."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest

from include.errors import LakeError
from include.lake import Lake, parquet_bytes

TABLE = pa.table({"number": pa.array([1.0, 2.0, None] * 1000), "word": pa.array(["a", "b", None] * 1000)})


def test_a_file_is_read_as_it_was_written(lake: Lake) -> None:
    lake.write("a/b.bin", b"first")
    lake.write("a/b.bin", b"second")
    assert lake.read("a/b.bin") == b"second"
    assert lake.files("a") == ["b.bin"]


def test_a_write_that_fails_leaves_what_was_there(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.write("a/b.bin", b"first")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LakeError, match=r"a/b\.bin cannot be written: .*No space left"):
        lake.write("a/b.bin", b"second")
    assert lake.read("a/b.bin") == b"first"
    assert [path.name for path in Path(lake.root, "a").iterdir()] == ["b.bin"]


def test_a_lake_that_nothing_was_written_to_leaves_no_folder(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "data" / "lake"))
    assert lake.folders("") == []
    assert [*tmp_path.iterdir()] == []
    with lake.lock("a"):
        lake.write("a/b.bin", b"first")
    assert lake.read("a/b.bin") == b"first"


def test_a_lake_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(LakeError, match=r"the lake .*file/lake cannot be written .*set LAKE"):
        Lake(str(tmp_path / "file" / "lake"))


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(LakeError, match="must be a folder or an s3:// URL"):
        Lake("ftp://host/lake")


def test_equal_tables_give_equal_bytes_however_they_are_chunked() -> None:
    whole = pa.table({"number": pa.array([number / 7 for number in range(400_000)])})
    chunked = pa.concat_tables([whole.slice(first, 8001) for first in range(0, 400_000, 8001)])
    assert parquet_bytes(chunked) == parquet_bytes(whole)


def test_a_damaged_file_is_one_clear_error_wherever_a_byte_is_wrong(lake: Lake) -> None:
    data = parquet_bytes(TABLE)
    silent = []
    for place in range(4, len(data) - 8, max(1, len(data) // 60)):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        lake.write("a.parquet", bytes(damaged))
        try:
            read = lake.read_table("a.parquet")
        except LakeError:
            continue
        silent += [] if read.equals(TABLE) else [place]
    assert silent == []


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all", parquet_bytes(TABLE)[:-20]])
def test_what_is_no_parquet_is_named(lake: Lake, content: bytes) -> None:
    lake.write("a.parquet", content)
    with pytest.raises(LakeError, match=r"a\.parquet is not readable as Parquet"):
        lake.read_table("a.parquet")


def test_a_missing_column_is_named(lake: Lake) -> None:
    lake.write("a.parquet", parquet_bytes(TABLE))
    with pytest.raises(LakeError, match="letter"):
        lake.read_table("a.parquet", ["letter"])


def test_a_missing_file_is_told_apart_from_a_damaged_one(lake: Lake) -> None:
    with pytest.raises(FileNotFoundError):
        lake.read_table("a.parquet")


def test_deleting_what_is_not_there_is_no_error(lake: Lake) -> None:
    lake.delete("a/b")
    lake.delete_folder("a")
    lake.delete_unfinished("a")
    lake.write("a/b", b"")
    lake.delete_folder("a")
    assert not lake.exists("a")


@pytest.fixture
def bucket_that_refuses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 server that answers each request with 403."""

    class Refuse(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_PUT = do_HEAD

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("bucket_that_refuses")
def test_a_bucket_that_cannot_be_reached_is_one_sentence() -> None:
    with pytest.raises(LakeError, match=r"the lake s3://bucket/prefix cannot be reached \(.*check the bucket, AWS_ACCESS_KEY_ID"):
        Lake("s3://bucket/prefix")


def test_an_s3_lake_names_its_bucket() -> None:
    with pytest.raises(LakeError, match="must name a bucket"):
        Lake("s3://")
