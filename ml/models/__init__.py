"""One module a model, each behind :mod:`ml.protocol`."""
