"""Where the bench works, and the environment of the peers that it sets up for itself."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from include.settings import PROJECT

FOLDER = PROJECT / ".bench"
PEERS = Path(__file__).parent / "peers"


def peers_python() -> str:
    """Python of an environment with the packages of ``peers/requirements.txt``, made when it is not there."""
    home, wanted = FOLDER / "environment", PEERS / "requirements.txt"
    stamp, python = home / ".complete", home / "bin" / "python"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == digest):
        print("bench: installing the peers into .bench/environment", flush=True)
        uv = shutil.which("uv") or shutil.which("uv", path=PROJECT / ".airflow" / "uv" / "bin")
        make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable] if uv else [sys.executable, "-m", "venv", "--clear"]
        install = [uv, "pip", "install", "--quiet", "--python", str(python)] if uv else [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*make, str(home)], check=True)  # noqa: S603
        subprocess.run([*install, "--requirement", str(wanted)], check=True)  # noqa: S603
        stamp.write_text(digest)
    return str(python)
