"""Supervised learning: data, models, and the learner. Gradients in place of evolution strategies."""
