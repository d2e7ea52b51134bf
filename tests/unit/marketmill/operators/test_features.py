"""The operator's own part; the real job runs in tests/system."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pytest
from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.assets import FEATURES
from include.feature_sets import read_current
from include.publish import publish_month, read_manifest, read_month
from include.settings import settings
from marketmill.operators import features
from marketmill.operators.features import BuildFeaturesOperator, CheckFeaturesOperator
from tests.unit.marketmill.operators.test_bars import check
from tests.unit.spark_jobs.test_buckets import build

BUILD = BuildFeaturesOperator(task_id="build_features", timeframe="1d")


@pytest.fixture
def bars(context):
    from marketmill.operators.bars import PublishBarsOperator

    run = context()
    PublishBarsOperator(task_id="publish_bars", checked=check(run)).execute(run)


@pytest.fixture
def job(lake, monkeypatch):
    """In place of the JVM: writes ``job.summary`` where the job was told to, or nothing."""

    class Job:
        summary: dict | None = None
        submitted: tuple[str, list[str]] | None = None
        conf: dict[str, str] | None = None

    def submit(hook, application):
        arguments = hook._application_args
        Job.submitted = application, arguments
        Job.conf = hook._conf
        if Job.summary is not None:
            lake.write(arguments[arguments.index("--summary") + 1], json.dumps(Job.summary).encode())

    monkeypatch.setattr(SparkSubmitHook, "submit", submit)
    return Job


SUMMARY = {
    "timeframe": "1d",
    "feature_set": "abc",
    "features": 16,
    "built": ["2018-04", "2018-05"],
    "months": ["2018-05"],
    "rows": {"2018-04": 42, "2018-05": 44},
    "content": {"2018-04": "x", "2018-05": "y"},
}


def test_it_returns_the_months_that_changed(context, lake, bars, job):
    job.summary = SUMMARY
    run = context()
    assert BUILD.execute(run) == {
        "universe": "sample",
        "source": "sample",
        "timeframe": "1d",
        "feature_set": "abc",
        "months": ["2018-05"],
        "rows": 44,
        "content": {"2018-05": "y"},
    }
    assert lake.files("staging/features") == []


def test_the_job_is_given_the_lake(context, lake, bars, job):
    job.summary = SUMMARY
    BUILD.execute(context())
    application, arguments = job.submitted
    assert application.endswith("spark_jobs/build_features.py")
    assert arguments[:4] == ["--lake", lake.url, "--timeframe", "1d"]


def test_months_that_were_built_to_the_same_bytes_send_no_event(context, bars, job):
    job.summary = SUMMARY | {"months": []}
    run = context()
    with pytest.raises(AirflowSkipException, match="2 months were built again and none of them changed"):
        BUILD.execute(run)
    assert FEATURES not in run["outlet_events"]


@pytest.fixture
def features_of_may(context, lake, bars):
    """What the job makes of the bars, without its JVM."""
    months = build(lake)
    return {"universe": "sample", "timeframe": "1d", "months": months[-1:]}


def test_the_event_names_the_months_that_were_checked(context, lake, features_of_may, capsys):
    run = context()
    extra = CheckFeaturesOperator(task_id="check_features", built=features_of_may).execute(run)
    assert run["outlet_events"][FEATURES].extra == extra == features_of_may
    said = capsys.readouterr().out
    assert "computed again, from the past only, for AAPL, ^VIX: the same" in said
    assert f"data docs: {lake.url}/reports/data_docs/index.html" in said


def test_empty_features_are_one_line_whatever_the_months(context, lake, bars, monkeypatch, capsys):
    months = build(lake)
    dataset, absent = lake.features("1d", read_current(lake, "1d").id), pa.scalar(None, pa.float32())
    for month in months:
        publish_month(
            lake, dataset, month,
            lambda held: held.set_column(held.column_names.index("return_1"), held.schema.field("return_1"), pa.repeat(absent, held.num_rows)),
            inputs=read_manifest(lake, dataset, month).inputs,
        )  # fmt: skip
    monkeypatch.setattr(
        "spark_jobs.recompute.features_as_known", lambda _lake, _timeframe, month, *_, **__: read_month(lake, dataset, month)
    )
    built = {"universe": "sample", "timeframe": "1d", "months": months}
    CheckFeaturesOperator(task_id="check_features", built=built).execute(context())
    lines = [line for line in capsys.readouterr().out.splitlines() if "features_present" in line]
    assert len(lines) == 1
    assert "features_present: 4 months of 2 symbols (AAPL 2, ^VIX 2); the first, AAPL in 2018-04: 1 features lack values" in lines[0]


def test_features_that_break_a_rule_send_no_event(context, lake, features_of_may):
    (month,) = features_of_may["months"]
    dataset = lake.features("1d", read_current(lake, "1d").id)
    publish_month(lake, dataset, month, lambda held: held.slice(1), inputs=read_manifest(lake, dataset, month).inputs)
    run = context()
    with pytest.raises(AirflowFailException, match=f"AAPL in {month} break the rule row_for_each_bar: 1 bars have no features"):
        CheckFeaturesOperator(task_id="check_features", built=features_of_may).execute(run)
    assert FEATURES not in run["outlet_events"]


def test_without_features_there_is_nothing_to_check(context):
    with pytest.raises(AirflowSkipException, match="no features were built"):
        CheckFeaturesOperator(task_id="check_features", built=None).execute(context())


def test_a_job_that_wrote_elsewhere_is_no_success(context, bars, job):
    with pytest.raises(AirflowFailException, match="is not there; do its workers see the same lake"):
        BUILD.execute(context())


def test_java_is_missed_with_a_sentence_and_before_spark(context, bars, job, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/no/java/here")
    with pytest.raises(AirflowFailException, match="Spark needs Java 17 or later, but JAVA_HOME is /no/java/here"):
        BUILD.execute(context())
    assert job.submitted is None


def test_features_that_are_up_to_date_need_no_java(context, bars, job, monkeypatch):
    class UpToDate:
        up_to_date = True
        months = ("2018-04", "2018-05")

    def no_java(_environment):
        raise AssertionError("Java was looked for")

    monkeypatch.setattr("spark_jobs.plan.plan_features", lambda *_, **__: UpToDate)
    monkeypatch.setattr(features, "java_problem", no_java)
    with pytest.raises(AirflowSkipException, match="all 2 months of 1d features are up to date"):
        BUILD.execute(context())
    assert job.submitted is None


def test_dividends_by_setting(context, lake, bars, job, monkeypatch):
    job.summary = SUMMARY
    BUILD.execute(context())
    assert "--adjust-dividends" not in job.submitted[1]
    monkeypatch.setenv("ADJUST_DIVIDENDS", "true")
    settings.cache_clear()
    BUILD.execute(context())
    assert job.submitted[1][-1] == "--adjust-dividends"


def test_a_local_jvm_is_started_for_seconds_and_says_little(context, bars, job):
    job.summary = SUMMARY
    BUILD.execute(context())
    options = shlex.split(job.conf["spark.driver.extraJavaOptions"])
    assert options[:2] == ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    assert options[2].startswith("-Dlog4j2.configurationFile=file:///")
    assert Path(unquote(options[2].partition("file://")[2])).is_file()


def test_a_cluster_keeps_its_own_jvm_settings(context, bars, job, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", '{"conn_type": "spark", "host": "spark://127.0.0.1", "port": 7077}')
    job.summary = SUMMARY
    BUILD.execute(context())
    assert job.conf == {"spark.log.level": "WARN"}


def test_a_missing_connection_is_named_and_no_yarn_is_looked_for(context, bars, job):
    build = BuildFeaturesOperator(task_id="build_features", timeframe="1d", spark_conn_id="spark_elsewhere")
    with pytest.raises(AirflowFailException, match="no connection spark_elsewhere; make one, for example AIRFLOW_CONN_SPARK_ELSEWHERE="):
        build.execute(context())
    assert job.submitted is None
