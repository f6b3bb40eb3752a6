"""The evolution strategy: perturbations, shaping, gradient estimate, optimiser; ask and tell."""

from odes_rl.es import perturbations, shaping
from odes_rl.es.perturbations import Perturbations
from odes_rl.es.riemannian_es import RiemannianES
from odes_rl.es.scales import Adaptation
from odes_rl.es.shaping import Shaping, ShapingFamily

__all__ = ["Adaptation", "Perturbations", "RiemannianES", "Shaping", "ShapingFamily", "perturbations", "shaping"]
