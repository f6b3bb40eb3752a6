"""Neural-ODE policies whose weights flow on manifolds, trained with evolution strategies."""

__version__ = "0.1.0"
