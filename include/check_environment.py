"""Is this machine able to run Marketmill? Python 3.11 to 3.13 and Java 17 or later.

Standard library only, and readable by any Python 3: it runs before anything is installed.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Mapping, Optional, Tuple

OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 13)
OLDEST_JAVA = 17


def python_problem(version: Tuple[int, int]) -> Optional[str]:
    """Say in one sentence what is wrong with a Python version, or nothing."""
    if OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        return None
    return (
        "Marketmill needs Python 3.11, 3.12 or 3.13, but this is Python %d.%d: "
        "install one of them, or name one by `make setup PYTHON=/path/to/python3.12`." % version
    )


def java_problem(environment: Mapping[str, str]) -> Optional[str]:
    """Say in one sentence what is wrong with the Java that Spark would start, or nothing.

    Like Spark it takes ``$JAVA_HOME/bin/java`` where JAVA_HOME is set, else ``java`` from PATH.
    """
    home = environment.get("JAVA_HOME")
    if home:
        candidate = Path(home) / "bin" / "java"
        java = shutil.which(str(candidate))
        where = "JAVA_HOME is %s, where %s is missing" % (home, candidate)
    else:
        java = shutil.which("java", path=environment.get("PATH", ""))
        where = "there is no `java` on PATH"
    if java is None:
        return "Spark needs Java 17 or later, but %s: install OpenJDK 17 or set JAVA_HOME." % where
    version = _java_version(java)
    if version is None:
        return "Spark needs Java 17 or later, but `%s -version` gives no version: install OpenJDK 17." % java
    if version < OLDEST_JAVA:
        return "Spark needs Java 17 or later, but %s is Java %d: install OpenJDK 17 or set JAVA_HOME." % (java, version)
    return None


def _java_version(java: str) -> Optional[int]:
    """Return the major version that a java program states, 8 for the old style "1.8.0"."""
    try:
        answer = subprocess.run(  # noqa: S603  (the program was found on PATH or in JAVA_HOME)
            [java, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stdout.decode(errors="replace"))
    return int(found.group(1)) if found else None


def main(environment: Mapping[str, str]) -> int:
    """Print every problem to standard error; return 1 if there is one."""
    problems = [python_problem(sys.version_info[:2]), java_problem(environment)]
    for problem in filter(None, problems):
        print(problem, file=sys.stderr)
    return 1 if any(problems) else 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
