"""Hyperparameter search: trials of a training config, whose options Optuna proposes."""
