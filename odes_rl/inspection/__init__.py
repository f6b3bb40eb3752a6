"""A look into a policy: its weights, its states and its gradients through depth."""
