"""The report: one page per run that shows what came in, what was refused, the features, and each model beside its baselines."""

from ml.report.page import publish

__all__ = ["publish"]
