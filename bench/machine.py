"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.environment import PEERS


def describe() -> dict[str, Any]:
    """JSON-safe facts: machine, date, load of the last minute, versions of what was measured."""
    ours = {name: version(name) for name in ("pyspark", "numba", "numpy", "pyarrow")}
    lines = (PEERS / "requirements.txt").read_text(encoding="utf-8").splitlines()
    peers = dict(line.split("==") for line in lines if "==" in line)
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr.splitlines()[0]  # noqa: S607
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "java": java.replace('"', ""),
        "load": round(os.getloadavg()[0], 1),
        "versions": ours | {name: number for name, number in peers.items() if name not in ours},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
