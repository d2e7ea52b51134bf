"""How the chain's program fills forms, reads Airflow's log, and finds the cause of a failure; Airflow itself is a little program here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from include.lake import Lake
from tests.programs import load

PROJECT = Path(__file__).resolve().parents[3]
NOW = "2026-11-21T04:56:07.132814Z"
WRONG_YEARS = ("ten", "-1", "1.5", "0", "200", "²")
NAME_IT = "name the folder with one file per symbol: make run SOURCE=csv CSV_FOLDER=/path/to/folder"
ONE_TASK = f"""{NOW} [info     ] [DAG TEST] starting task_id=g.fetch map_index=1 [airflow.sdk.definitions.dag] loc=dag.py:1501
{NOW} [info     ] landed 2 files                 [airflow.task.operators.marketmill.operators.fetch.FetchBars] loc=fetch.py:11
{NOW} [info     ] Task started                   [airflow.api_fastapi.execution_api.routes.task_instances] hostname=vm
{NOW} [info     ] Task instance state updated    [airflow.api_fastapi] loc=task_instances.py:485 new_state=skipped rows_affected=1
{NOW} [info     ] [DAG TEST] end task task_id=g.fetch map_index=1 [airflow.sdk.definitions.dag] loc=dag.py:1563
"""
FAILURE = f"""{NOW} [error    ] Task failed with exception     [task] loc=task_runner.py:1676
Traceback (most recent call last):
  File "/x/d.py", line 27, in task
    read()
KeyError: 'inner'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/x/d.py", line 29, in task
    raise ValueError("x")
ValueError: a universe
  in two lines
{NOW} [info     ] ::group::Post Execute          [task] loc=task_runner.py:1677
"""


@pytest.fixture
def run_mill(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    program = load("run_mill")
    monkeypatch.setattr(program, "MIGRATE", "true")
    return program


SESSION = """
import json, subprocess, sys
for line in sys.stdin:
    code = subprocess.run(["sh", "-c", {script!r}, "airflow", *json.loads(line)]).returncode
    print(f":ended: {{code}}", flush=True)
"""


@pytest.fixture
def airflow_that(run_mill: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    """Put a shell script in Airflow's place; it finds its arguments as `$@`."""

    def place(script: str) -> dict[str, str]:
        monkeypatch.setattr(run_mill, "AIRFLOW", [sys.executable, "-c", SESSION.format(script=script)])
        return {"PATH": os.environ["PATH"], "MARKETMILL_HOME": str(tmp_path)}

    return place


def test_what_is_not_asked_for_keeps_the_forms_default(run_mill: ModuleType) -> None:
    assert list(run_mill.chain({})) == [
        ("backfill_market", {}),
        ("train_models", {}),
        ("promote_models", {}),
        ("predict", {}),
        ("publish_report", {}),
    ]


def test_what_is_asked_for_goes_to_the_forms_that_have_it(run_mill: ModuleType, tmp_path: Path) -> None:
    (folder := tmp_path / "bars of mine").mkdir()
    chain = dict(run_mill.chain({"UNIVERSE": "core5", "SOURCE": "csv", "CSV_FOLDER": str(folder), "YEARS": "3"}))
    assert chain["backfill_market"] == {"universe": "core5", "source": "csv", "csv_folder": str(folder), "years": 3}
    assert chain["train_models"] == {"universe": "core5"}
    assert chain["publish_report"] == {"universe": "core5"}


def test_yfinance_is_another_word_for_yahoo(run_mill: ModuleType) -> None:
    assert dict(run_mill.chain({"SOURCE": "yfinance"}))["backfill_market"] == {"source": "yahoo"}


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        *(({"YEARS": years}, f"YEARS is '{years}'; it must be a whole number from 1 to 100, such as 10") for years in WRONG_YEARS),
        ({"SOURCE": "bloomberg"}, "SOURCE is 'bloomberg'; use one of sample, csv, yahoo, ibkr, binance, yfinance"),
        (
            {"UNIVERSE": "mars"},
            "UNIVERSE is 'mars'; use one of core5, crypto, global26, sample, or add mars.yaml to include/config/universes",
        ),
        (
            {"SOURCE": "binance"},
            (
                "source binance has pairs such as BTC/USDC only, and none of ^GSPC, ^IXIC, ^VIX, AAPL is one; take another source for them, or a "
                "universe of pairs, such as crypto"
            ),
        ),
        ({"SOURCE": "csv"}, f"SOURCE is 'csv', but CSV_FOLDER is not set; {NAME_IT}"),
        ({"SOURCE": "csv", "CSV_FOLDER": "/no/such"}, f"CSV_FOLDER is '/no/such', which is no folder on this machine; {NAME_IT}"),
    ],
)
def test_what_cannot_be_had_is_one_sentence_before_anything_is_done(
    run_mill: ModuleType, asked: dict[str, str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_mill, "MIGRATE", "/nothing/may/be/started")
    assert run_mill.main({**asked, "MARKETMILL_HOME": "/nowhere"}) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"run: {sentence}\n")


def test_databases_that_cannot_be_prepared_end_it(run_mill, airflow_that, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run_mill, "MIGRATE", "false")
    assert run_mill.main(airflow_that("exit 0")) == 1
    assert not (tmp_path / ".airflow").exists()


def test_a_task_is_one_line_what_we_say_and_how_it_ended(run_mill: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    run_mill.follow(ONE_TASK.splitlines())
    assert capsys.readouterr().out.splitlines() == ["  g.fetch [1]", "    landed 2 files", "    0.0 s, skipped"]


def test_what_a_task_says_again_in_its_next_try_is_not_repeated(run_mill: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    run_mill.follow((ONE_TASK + ONE_TASK + ONE_TASK.replace("map_index=1", "map_index=2")).splitlines())
    assert capsys.readouterr().out.splitlines() == [
        *("  g.fetch [1]", "    landed 2 files", "    0.0 s, skipped"),
        *("  g.fetch [1], once more", "    0.0 s, skipped"),
        *("  g.fetch [2]", "    landed 2 files", "    0.0 s, skipped"),
    ]


@pytest.mark.parametrize("rest", ["", "      [marketmill.report] loc=report.py:3", "  [airflow.task.operators.marketmill.X] run=a"])
def test_the_report_may_lie_in_a_folder_with_spaces(run_mill: ModuleType, rest: str) -> None:
    assert run_mill.follow([f"{NOW} [info     ] report: /my lake/reports/1/index.html{rest}"]) == "/my lake/reports/1/index.html"
    assert run_mill.follow([f"report: /my lake/reports/1/index.html{rest}"]) == "/my lake/reports/1/index.html"


def test_the_causes_are_the_messages_of_the_exceptions(run_mill: ModuleType) -> None:
    assert run_mill.causes((FAILURE * 2).splitlines()) == ["KeyError: 'inner'", "ValueError: a universe", "  in two lines"]


def test_a_failure_that_was_tried_again_is_no_cause_unless_it_is_the_only_one(run_mill: ModuleType) -> None:
    tried = FAILURE.replace("ValueError: a universe\n  in two lines", "airflow.sdk.exceptions.AirflowException: to be tried again: 503")
    listed = [f"  S{number}: gone" for number in range(30)]
    final = FAILURE.replace(
        "ValueError: a universe\n  in two lines", "\n".join(["airflow.sdk.exceptions.AirflowFailException: 30:", *listed])
    )
    assert run_mill.causes((tried + final).splitlines()) == ["KeyError: 'inner'", "30:", *listed]
    assert run_mill.causes(tried.splitlines()) == ["KeyError: 'inner'"]
    [only] = run_mill.causes(tried.replace("KeyError: 'inner'\n", "").splitlines())
    assert only == "to be tried again: 503"


def test_without_exceptions_the_causes_are_errors_then_the_last_lines(run_mill: ModuleType) -> None:
    assert run_mill.causes([f"{NOW} [error    ] the lake is read-only      [marketmill.x] loc=x.py:1", "bye"]) == ["the lake is read-only"]
    assert run_mill.causes([str(number) for number in range(20)]) == [str(number) for number in range(10, 20)]
    assert run_mill.causes([]) == []


def test_the_chain_ends_with_the_reports_path(run_mill, airflow_that, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = airflow_that('echo "$@"; if [ "$3" = publish_report ]; then echo "report: /lake/index.html"; fi')
    assert run_mill.main({**environment, "SOURCE": "yahoo"}) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "report: /lake/index.html"
    assert (tmp_path / ".airflow/logs/backfill_market.log").read_text() == 'dags test backfill_market --conf {"source": "yahoo"}\n'
    assert (tmp_path / ".airflow/logs/train_models.log").read_text() == "dags test train_models\n"


def test_a_failure_stops_the_chain_and_is_explained(run_mill, airflow_that, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "said").write_text(FAILURE)
    environment = airflow_that(f'[ "$3" = backfill_market ] || {{ cat {tmp_path}/said; exit 3; }}')
    assert run_mill.main(environment) == 3
    said = capsys.readouterr()
    left_out = [line for line in said.out.splitlines() if line.startswith(("[3/", "[4/", "[5/"))]
    names = ("promote_models", "predict", "publish_report")
    assert left_out == [f"[{number}/5] {name}: left out, since train_models failed" for number, name in enumerate(names, start=3)]
    assert said.err.splitlines()[-3:] == [
        "  ValueError: a universe",
        "    in two lines",
        f"train_models failed; its log: {tmp_path}/.airflow/logs/train_models.log",
    ]


@pytest.mark.parametrize("bars", [True, False])
def test_after_a_failure_the_report_tells_of_the_bars_that_are_there(
    run_mill, airflow_that, tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str], bars: bool
) -> None:
    lake = Lake(str(tmp_path / "lake"))
    if bars:
        lake.write("bars/timeframe=1d/month=2018-01/part.parquet", b"")
    monkeypatch.setattr(run_mill, "open_lake", lambda: lake)
    environment = airflow_that('[ "$3" = publish_report ] || exit 3; echo "report: /lake/index.html"')
    assert run_mill.main(environment) == 3
    said = capsys.readouterr().out
    assert ("report of what is there: /lake/index.html" in said) == bars
    assert [line for line in said.splitlines() if "train_models" in line] == ["[2/5] train_models: left out, since backfill_market failed"]
    assert ("[5/5] publish_report: left out" in said) != bars


@pytest.mark.parametrize(
    "program", ["import sys; print('killed'); sys.exit(9)", "import sys; sys.stdin.readline(); print('killed'); sys.exit(9)"]
)
def test_a_process_that_dies_is_a_failure(run_mill, tmp_path: Path, monkeypatch, program: str, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(run_mill, "AIRFLOW", [sys.executable, "-c", program])
    assert run_mill.main({"PATH": os.environ["PATH"], "MARKETMILL_HOME": str(tmp_path)}) == 9
    assert "backfill_market failed; its log: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("started", "during"),
    [("[DAG TEST] starting task_id=fetch_bars map_index=1", "task fetch_bars of backfill_market"), ("", "backfill_market")],
)
def test_a_process_that_is_killed_is_said_to_be_with_what_stands(
    run_mill, tmp_path: Path, monkeypatch, started: str, during: str, capsys: pytest.CaptureFixture[str]
) -> None:
    program = f"import os, sys; sys.stdin.readline(); print({started!r}, flush=True); os.kill(os.getpid(), 9)"
    monkeypatch.setattr(run_mill, "AIRFLOW", [sys.executable, "-c", program])
    assert run_mill.main({"PATH": os.environ["PATH"], "MARKETMILL_HOME": str(tmp_path)}) == 137
    said, log = capsys.readouterr().err.splitlines()
    assert said == (
        f"  the Airflow process was killed from outside (SIGKILL, as the system does when memory runs out) during {during}; what landed "
        "and what was published before stands, nothing is half written, and the same command goes on from there"
    )
    assert log.startswith("backfill_market failed; its log: ")


def test_a_chain_that_names_no_report_has_failed(run_mill, airflow_that, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_mill.main(airflow_that("exit 0")) == 1
    assert "no DAG named a report" in capsys.readouterr().err


def test_a_session_obeys_one_command_after_the_other() -> None:
    session = subprocess.run(
        [sys.executable, str(PROJECT / "bin" / "airflow_session")],
        input='["version"]\n["dags", "nonsense"]\n["version"]\n',
        capture_output=True,
        text=True,
        check=True,
    )
    version, ended, *rest = session.stdout.splitlines()
    assert version[0].isdigit()
    assert ended == ":ended: 0"
    assert [line for line in rest if line.startswith(":ended:")] == [":ended: 2", ":ended: 0"]
