"""Features by Spark: the registry and its kernels, the plan of what to build, and the job."""
