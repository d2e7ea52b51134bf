"""The operator's own part; the real job runs in tests/system."""

from __future__ import annotations

import json

import pytest
from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.assets import FEATURES
from marketmill.operators import features
from marketmill.operators.features import BuildFeaturesOperator
from tests.unit.marketmill.operators.test_bars import check

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

    def submit(hook, application):
        arguments = hook._application_args
        Job.submitted = application, arguments
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


def test_the_event_names_the_months_that_changed(context, lake, bars, job):
    job.summary = SUMMARY
    run = context()
    extra = BUILD.execute(run)
    assert run["outlet_events"][FEATURES].extra == extra
    assert extra == {
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
