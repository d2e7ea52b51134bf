"""How a model is judged: walk-forward folds, metrics, significance."""
