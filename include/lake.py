"""The lake: one root, a folder or an ``s3://`` URL, and the paths and primitive writes that everybody uses."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlparse

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock
from pyarrow import fs

from include.errors import LakeError
from include.symbols import symbol_in_path

_LOCK_SECONDS = 600


class Lake:
    """Root of all data.

    Parameters
    ----------
    url
        A folder (made with the first write) or ``s3://bucket/prefix``. S3 credentials and ``AWS_ENDPOINT_URL`` come from the
        environment, as every S3 client reads them.

    Raises
    ------
    LakeError
        If the URL's scheme is not supported, the folder cannot be written, or the bucket cannot be reached.
    """

    def __init__(self, url: str) -> None:
        scheme = urlparse(url).scheme if "://" in url else ""
        self.is_local = scheme in ("", "file")
        if self.is_local:
            self.root = str(Path(url.removeprefix("file://")).expanduser().resolve())
            self.filesystem: fs.FileSystem = fs.LocalFileSystem()
            self.url = self.root
            self._check_writable()
        elif scheme == "s3":
            self.root = url.removeprefix("s3://").strip("/")
            self.url = f"s3://{self.root}"
            if not self.root:
                raise LakeError(f"LAKE is {url!r}; it must name a bucket, such as s3://bucket/prefix")
            self.filesystem = _s3_filesystem()
            self._check_reachable()
        else:
            raise LakeError(f"LAKE is {url!r}; it must be a folder or an s3:// URL")

    def _check_writable(self) -> None:
        try:
            nearest = next(folder for folder in (Path(self.root), *Path(self.root).parents) if folder.exists())
            probe = Path(nearest, f".probe-{uuid.uuid4().hex}")
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise LakeError(f"the lake {self.root} cannot be written ({error.strerror}); set LAKE to a folder that can") from error

    def _check_reachable(self) -> None:
        try:
            self.filesystem.get_file_info(self.root)
        except OSError as error:
            raise LakeError(
                f"the lake {self.url} cannot be reached ({error}); check the bucket, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION "
                "and, for a server of your own, AWS_ENDPOINT_URL"
            ) from error

    # Paths, all relative to the root.

    @staticmethod
    def landing(source: str, timeframe: str, symbol: str) -> str:
        """Folder of one symbol's landed fetches."""
        return f"landing/source={source}/timeframe={timeframe}/symbol={symbol_in_path(symbol)}"

    @staticmethod
    def actions(symbol: str) -> str:
        """Folder of one symbol's splits and dividends."""
        return f"actions/symbol={symbol_in_path(symbol)}"

    @staticmethod
    def option_chains(source: str, symbol: str) -> str:
        """Folder of one symbol's option chains from one source."""
        return f"option_chains/source={source}/symbol={symbol_in_path(symbol)}"

    @staticmethod
    def bars(timeframe: str) -> str:
        """Month-partitioned dataset of checked bars."""
        return f"bars/timeframe={timeframe}"

    @staticmethod
    def quarantine(timeframe: str) -> str:
        """Month-partitioned dataset of refused rows."""
        return f"quarantine/timeframe={timeframe}"

    @staticmethod
    def features(timeframe: str, feature_set: str) -> str:
        """Month-partitioned dataset of one feature set."""
        return f"features/timeframe={timeframe}/set={feature_set}"

    @staticmethod
    def predictions(model_id: str) -> str:
        """Month-partitioned dataset of one model's predictions."""
        return f"predictions/model={model_id}"

    @staticmethod
    def trades(run_id: str) -> str:
        """Month-partitioned dataset of one run's trades."""
        return f"trades/run={run_id}"

    def full(self, path: str) -> str:
        """``path`` below the root as :attr:`filesystem` wants it."""
        return f"{self.root}/{path}"

    # Primitive reads and writes.

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        return bool(self.filesystem.get_file_info(self.full(path)).type != fs.FileType.NotFound)

    def files(self, folder: str) -> list[str]:
        """Names of the files directly in ``folder``, sorted; hidden ones (``.x``) are left out."""
        return [name for name, kind in self._entries(folder) if kind == fs.FileType.File]

    def folders(self, folder: str) -> list[str]:
        """Names of the folders directly in ``folder``, sorted."""
        return [name for name, kind in self._entries(folder) if kind == fs.FileType.Directory]

    def _entries(self, folder: str) -> list[tuple[str, fs.FileType]]:
        infos = self.filesystem.get_file_info(fs.FileSelector(self.full(folder), allow_not_found=True))
        return sorted((info.base_name, info.type) for info in infos if not info.base_name.startswith("."))

    def modified_at(self, path: str) -> datetime | None:
        """When a file was last written, UTC; None where there is none."""
        info = self.filesystem.get_file_info(self.full(path))
        moment: datetime | None = info.mtime if info.type == fs.FileType.File else None
        return moment and moment.astimezone(UTC)

    def read(self, path: str) -> bytes:
        """Content of one file.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        """
        with self.filesystem.open_input_stream(self.full(path)) as stream:
            return bytes(stream.read())

    def write(self, path: str, data: bytes | pa.Buffer) -> None:
        """Write one file so that a reader sees all of it or what was there before.

        A folder: beside it, fsync, rename, fsync of the folder. An object store: one PUT.

        Raises
        ------
        LakeError
            If it cannot be written.
        """
        try:
            if self.is_local:
                _write_local(Path(self.full(path)), data)
            else:
                with self.filesystem.open_output_stream(self.full(path)) as stream:
                    stream.write(data)
        except OSError as error:
            raise LakeError(f"{self.url}/{path} cannot be written: {error}") from error

    def move(self, source: str, target: str) -> None:
        """Give a file another path, replacing what is there."""
        if self.is_local:
            Path(self.full(target)).parent.mkdir(parents=True, exist_ok=True)
            Path(self.full(source)).replace(self.full(target))
        else:
            self.filesystem.copy_file(self.full(source), self.full(target))
            self.delete(source)

    def delete(self, path: str) -> None:
        """Delete one file; a file that is not there is no error."""
        try:
            self.filesystem.delete_file(self.full(path))
        except FileNotFoundError:
            return

    def delete_unfinished(self, folder: str) -> None:
        """Delete what killed writers left directly in ``folder``; only for who holds the right to change it."""
        if self.is_local and self.exists(folder):
            for beside in Path(self.full(folder)).glob(".*.tmp"):
                beside.unlink(missing_ok=True)

    def delete_folder(self, path: str) -> None:
        """Delete a folder and all below it; a folder that is not there is no error."""
        try:
            self.filesystem.delete_dir(self.full(path))
        except FileNotFoundError:
            return

    def read_table(self, path: str, columns: list[str] | None = None) -> pa.Table:
        """One Parquet file as a table.

        Raises
        ------
        LakeError
            If the file is damaged, is not Parquet or lacks a column.
        FileNotFoundError
            If it is not there.
        """
        try:
            # The Hive-style folder names repeat what the rows say: they are no columns here.
            return pq.read_table(
                self.full(path), columns=columns, filesystem=self.filesystem, partitioning=None, page_checksum_verification=True
            )
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise LakeError(f"{self.url}/{path} is not readable as Parquet: {error}") from error

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the right to change ``name``; other processes on this lake wait.

        An object store has no locks: there the results database keeps them, which all machines share.
        """
        if not self.is_local:
            from include.results.locks import named_lock  # here, since the settings that it reads open a lake themselves

            with named_lock(f"{self.url}/{name}", seconds=_LOCK_SECONDS):
                yield
            return
        path = Path(self.root, ".locks", name.replace("/", "__") + ".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path, timeout=_LOCK_SECONDS):
            yield


def parquet_bytes(table: pa.Table, *, compression: str = "zstd") -> pa.Buffer:
    """``table`` as the bytes of a Parquet file with page checksums; equal tables give equal bytes, however they are chunked."""
    sink = pa.BufferOutputStream()
    # Measured numbers hardly repeat: dictionaries of them take five times the time and a third more room. Nor does anybody look for
    # the rows by their range, which costs a sixth of the time.
    keys = [column.name for column in table.schema if not pa.types.is_floating(column.type)]
    pq.write_table(
        table.combine_chunks(), sink, compression=compression, use_dictionary=keys, write_statistics=keys, write_page_checksum=True
    )
    return sink.getvalue()


def _write_local(path: Path, data: bytes | pa.Buffer) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with beside.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _s3_filesystem() -> fs.FileSystem:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        return fs.S3FileSystem()
    parts = urlparse(endpoint)
    return fs.S3FileSystem(endpoint_override=parts.netloc, scheme=parts.scheme)
