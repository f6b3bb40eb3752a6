"""A look into a policy or a fitted model: its weights, its states and its gradients through depth."""
