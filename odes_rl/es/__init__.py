"""The evolution strategy: perturbations, shaping, gradient estimate, optimiser; ask and tell."""
