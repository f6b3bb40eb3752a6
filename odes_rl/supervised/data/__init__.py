"""Images with labels: where they come from, and how they are corrupted. Free of JAX."""
