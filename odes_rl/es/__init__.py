"""The evolution strategy: perturbations, shaping, gradient estimate, optimiser; ask and tell."""

from odes_rl.es import perturbations, shaping
from odes_rl.es.riemannian_es import RiemannianES

__all__ = ["RiemannianES", "perturbations", "shaping"]
