"""Loops: training by evolution strategies, fitting by gradients, evaluation."""
