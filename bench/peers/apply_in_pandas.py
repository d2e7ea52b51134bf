"""The project's own kernels, but with the rows brought to them by Spark: groupBy.applyInPandas."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from spark_jobs.features.bars import COLUMNS, SymbolBars
from spark_jobs.features.catalog import FEATURES

LAKE, OUT = sys.argv[1], sys.argv[2]
NAMES = [feature.name for feature in FEATURES if not feature.cross_sectional]


def features(rows: pd.DataFrame) -> pd.DataFrame:
    from spark_jobs.features.catalog import FEATURES
    from spark_jobs.features.storing import store

    rows = rows.sort_values("timestamp")
    bars = SymbolBars(*(np.ascontiguousarray(rows[name].to_numpy()) for name in COLUMNS))
    all_rows = np.array([[0, len(rows), 0]])
    result = {"symbol": rows["symbol"].to_numpy(), "timestamp": rows["timestamp"].to_numpy()}
    for feature in FEATURES:
        if not feature.cross_sectional:
            result[feature.name] = np.empty(len(rows), np.float32)
            store(feature.values(bars), all_rows, result[feature.name])
    return pd.DataFrame(result)


if __name__ == "__main__":
    spark = SparkSession.builder.appName("applyInPandas").getOrCreate()
    print("ready", flush=True)
    bars = spark.read.option("recursiveFileLookup", "true").option("pathGlobFilter", "*.parquet").parquet(f"{LAKE}/bars")
    schema = "symbol string, timestamp timestamp, " + ", ".join(f"{name} float" for name in NAMES)
    made = bars.select("symbol", "timestamp", *COLUMNS).groupBy("symbol").applyInPandas(features, schema)
    made.write.option("compression", "lz4_raw").mode("overwrite").parquet(f"{OUT}/features")
    print("columns", len(NAMES), flush=True)
    spark.stop()
