"""The features: registry, kernels, and a module for each family; :mod:`spark_jobs.features.catalog` holds them all."""
