"""The library says nothing of itself in a task's log."""

import subprocess
import sys

PROGRAM = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(name)s: %(message)s")
import pandas as pd
from expectations.bars import bar_suite
from expectations.suite_run import SuiteRun
from expectations.completeness import completeness_suite
run = SuiteRun(completeness_suite())
run.broken(pd.DataFrame([{"symbol": "A", "missing": 3, "missing_allowed": 2, "expected": 9, "share": 0.3, "gaps": ""}]))
logging.getLogger("mine").info("checked")
"""


def test_a_check_logs_what_we_say_and_no_more() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "mine: checked\n"
