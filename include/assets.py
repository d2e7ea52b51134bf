"""The assets that tie the DAGs together; the only place where one is declared.

They are plain (no partition keys). Each event's ``extra`` lists the months that changed, see ADR 0001.
"""

from airflow.sdk import Asset

BARS = Asset(name="bars", uri="marketmill://lake/bars")
FEATURES = Asset(name="features", uri="marketmill://lake/features")
MODEL = Asset(name="model", uri="marketmill://registry/model")
PREDICTIONS = Asset(name="predictions", uri="marketmill://lake/predictions")
TRADES = Asset(name="trades", uri="marketmill://lake/trades")
REPORT = Asset(name="report", uri="marketmill://lake/reports")
