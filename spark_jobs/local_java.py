"""How Spark's own process is started on one machine."""

from __future__ import annotations

from include.settings import PROJECT


def local_java_options() -> str:
    """For ``spark.driver.extraJavaOptions`` with a ``local`` master.

    The kernels are not in the JVM, and it lives for seconds: its best compiler would cost more than it brings. Its heap starts
    small, since otherwise it would take a sixty-fourth of the machine before it collects any garbage.
    """
    log = f"-Dlog4j2.configurationFile={(PROJECT / 'spark_jobs' / 'log4j2.properties').as_uri()}"
    return f'-XX:TieredStopAtLevel=1 -XX:+UseSerialGC "{log}" -Xms32m'
